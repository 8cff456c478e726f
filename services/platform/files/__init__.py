"""Files that are written whole, kept for their owner, or watched."""
