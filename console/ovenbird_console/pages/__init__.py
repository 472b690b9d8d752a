"""The pages: each module has the functions of one, and their `ROUTES`."""
