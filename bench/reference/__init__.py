"""What Aviary is compared with: the limit that its edge sets, and the plain choice."""
