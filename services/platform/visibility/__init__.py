"""Who may see which tweet: one rule, which every read of tweets asks."""
