"""Capture a function as text: from its module's file, or from the cells or the script that define it."""
