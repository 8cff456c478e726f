"""Who processes are, what they may call, and how that is proved."""
