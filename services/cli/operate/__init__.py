"""What operators do to a running Aviary from a shell: look at its queues, and steer them."""
