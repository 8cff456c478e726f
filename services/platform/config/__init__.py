"""What a process reads from its environment, and the secrets in files that it watches."""
