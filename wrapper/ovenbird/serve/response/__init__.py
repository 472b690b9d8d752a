"""From what a handler returned to an answer of HTTP."""
