"""What answers carry beside what their tweets say: counts, the reader's state, authors."""
