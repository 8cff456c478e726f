"""Images, manifests and the compose file in `deploy/`: made from the code, and checked."""
