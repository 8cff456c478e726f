"""The notification service: what users are told of what others did."""
