"""Processes, ports and connections: supervisor, workers, and the adapter to uvicorn."""
