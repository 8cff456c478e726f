"""HTTP listeners for what is no RPC: applications by ASGI, within a process that has other work."""
