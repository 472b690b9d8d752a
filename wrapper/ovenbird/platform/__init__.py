"""The platform's objects (project, run, data items, artifacts, models) and the stores that keep them."""
