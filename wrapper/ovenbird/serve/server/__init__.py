"""Processes, ports and connections: supervisor, workers, and the adapter to uvicorn."""

from ...common.lazy_package import defer_package

# its `__init__` imports its command line and its supervisors, a tenth of the time of a start
defer_package("uvicorn", {"Config": "uvicorn.config", "Server": "uvicorn.server"})
