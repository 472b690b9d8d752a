"""Parsers, help, advice after a mistake, and error output of the command line."""
