"""Who each process is, and a development authority that certifies it.

In production the files come from elsewhere (a mesh's agent, cert-manager, a private CA); all that
the services ask for is a folder with `ca.pem`, `<name>.pem` and `<name>.key`.
"""
