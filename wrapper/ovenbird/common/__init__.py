"""Leaves that every part may import: one rule, one home."""
