"""Fetch the source of a run that the platform started: by HTTP, from object storage or git."""
