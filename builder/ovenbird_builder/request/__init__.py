"""Parse a target, its flags and its document into one BuildRequest."""
