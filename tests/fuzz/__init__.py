"""Mutation fuzzing: every parser, the HTTP port, and the bodies that handlers take."""
