"""The list service: users put together by users, and what those post."""
