"""The wide-column port, its engines and decorators."""
