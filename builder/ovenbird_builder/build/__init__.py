"""The build: fetch, lock, plan, execute, publish."""
