"""The verbs of the runtime: each parses its flags, calls what does the work, and prints."""
