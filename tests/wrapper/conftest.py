"""What tests of the wrapper share."""

from tests.loading import project
from tests.stores import moto, s3, server, store

__all__ = ["moto", "project", "s3", "server", "store"]
