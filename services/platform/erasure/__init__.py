"""What erasing a deleted account asks of every service that kept something of it."""
