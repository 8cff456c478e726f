"""A change and the message about it, committed together; the relay that publishes it."""
