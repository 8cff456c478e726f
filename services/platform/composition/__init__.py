"""What a service is built from: each dependency opened when asked for, closed in reverse."""
