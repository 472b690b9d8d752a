"""The Python API: what the commands do, as functions that take values, return a result and raise."""
