"""A project in a store of its own, where the rest of the tests means a folder of source by that name."""

from tests.core.fixtures import core, platform
from tests.gitserver import gits, repository
from tests.stores import project

__all__ = ["core", "gits", "platform", "project", "repository"]
