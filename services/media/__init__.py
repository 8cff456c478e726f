"""Pictures: where they are uploaded to, what became of them, and which tweet they belong to."""
