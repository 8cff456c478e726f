"""What the edge asks while it runs: rate limits, proofs of work, revocations, reputation."""
