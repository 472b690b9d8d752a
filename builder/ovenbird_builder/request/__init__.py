"""What is asked for: a target, its flags and its document become one BuildRequest."""
