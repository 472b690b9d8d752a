"""Here a `project` is one of the store."""

from tests.stores import project

__all__ = ["project"]
