"""Text that people write: its bounds, and handles."""
