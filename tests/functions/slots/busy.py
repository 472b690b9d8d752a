"""A handler that computes for a while and says who it was for."""

from time import perf_counter


def handler(name: str, seconds: float = 0.0):
    end = perf_counter() + seconds
    while perf_counter() < end:
        pass
    return name
