"""What tests of the wrapper share."""

from tests.loading import project

__all__ = ["project"]
