"""What a change of the graph may fail with that its callers settle themselves."""

__all__ = ["NoRoomError"]


class NoRoomError(Exception):
    """A change was not made, as somebody would follow more users by it than `most_followed`."""
