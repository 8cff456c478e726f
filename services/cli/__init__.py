"""The command line: one service, everything at once, and what operators and developers do to it."""
