"""What the edge asks, and what builds the edge."""
