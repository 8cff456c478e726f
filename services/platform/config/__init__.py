"""What a process reads from its environment, and the secrets that it follows."""
