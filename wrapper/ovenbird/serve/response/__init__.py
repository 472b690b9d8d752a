"""From the return value of a handler to an HTTP response."""
