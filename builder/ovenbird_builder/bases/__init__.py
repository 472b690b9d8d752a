"""Base images: their table, what their Python is, and how they are made, found and locked."""
