"""The live service: tells clients what changes in their home timelines, as it does."""
