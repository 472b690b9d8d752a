"""A secret of a project. Its record has its name; its value is stored separately."""

from __future__ import annotations

from ...common.text import show_value
from ...errors import InputError
from .entity import Entity


class Secret(Entity):
    """A secret. `read_secret_value` gives its value."""

    TYPE = "secret"

    def read_secret_value(self) -> str:
        """Return the value. Errors: InputError when none is stored."""
        value = self._store.read_secret(self.project, self.name)
        if value is None:  # what a platform gives a run as variables
            value = self._environ.get(self.name)
        if value is None:
            raise InputError(f"the secret {show_value(self.name)} has no value", hint="`set_secret_value` stores one")
        return value

    def set_secret_value(self, value: str) -> None:
        """Store the value. Errors: InputError unless it is text."""
        if not isinstance(value, str):
            raise InputError(f"the value of the secret {show_value(self.name)} is a {type(value).__name__}, not text")
        self._store.write_secret(self.project, self.name, value)

    def delete(self) -> None:
        """Delete the secret and its value."""
        super().delete()
        self._store.write_secret(self.project, self.name, None)
