"""Leaves for the machine that builds: what any part of the builder may use, and what uses no part of it."""
