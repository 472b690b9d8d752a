"""Fixtures of all tests of the wrapper."""

from tests.loading import project
from tests.stores import moto, record_run, s3, server, store

__all__ = ["moto", "project", "record_run", "s3", "server", "store"]
