"""A project: a module for each kind of entity that it holds."""
