"""Fixtures of the double's tests."""

from tests.core.fixtures import core, platform
from tests.stores import moto, s3

__all__ = ["core", "moto", "platform", "s3"]
