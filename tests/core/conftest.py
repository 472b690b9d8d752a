"""What the tests of the double share."""

from tests.core.fixtures import core, platform
from tests.stores import moto, s3

__all__ = ["core", "moto", "platform", "s3"]
