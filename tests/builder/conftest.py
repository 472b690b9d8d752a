"""Fixtures for the builder's tests: the private index and what locking takes."""

from tests.orchard import bench, orchard

__all__ = ["bench", "orchard"]
