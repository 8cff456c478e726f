"""Words that readers have muted: one way of matching, for every read that shows tweets unasked."""
