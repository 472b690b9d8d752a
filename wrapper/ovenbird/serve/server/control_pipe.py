"""The messages between a worker and its parent, one byte each, on a socket pair."""

from __future__ import annotations

# from the worker
BEGUN = b"B"  # the event loop runs
OVERTIME = b"O"  # init has exceeded its time limit
READY = b"R"  # calls are admitted
ENOUGH = b"X"  # another worker should take its place
# from the parent
RETIRE = b"Q"  # a successor is ready: drain
RETIRE_NOW = b"H"  # drain without delay
END = b"T"  # the service ends: drain
END_NOW = b"I"  # drain without delay
