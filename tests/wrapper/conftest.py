"""Fixtures of all tests of the wrapper."""

from tests.loading import project
from tests.stores import moto, s3, server, store

__all__ = ["moto", "project", "s3", "server", "store"]
