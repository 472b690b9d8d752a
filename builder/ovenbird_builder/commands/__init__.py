"""The verbs of the builder: each parses its flags, calls what does the work, and prints."""
