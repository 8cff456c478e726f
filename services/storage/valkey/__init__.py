"""Hot timelines and caches on Valkey."""
