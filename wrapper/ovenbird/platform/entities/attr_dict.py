"""The parts of an entity that user code reads: a dict whose items are attributes too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class AttrDict(dict[str, Any]):
    """A dict that also answers `fields.name`; nested dicts, and dicts in lists, do the same.

    A name that is absent is None when read as an attribute, as on the platform's objects, and a KeyError as an item.
    Names of dict's own methods (`items`, `keys`) are reached as items only.
    """

    def __init__(self, values: Mapping[str, Any] | None = None) -> None:
        super().__init__({str(name): wrap(value) for name, value in (values or {}).items()})

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # copy, pickle and inspect ask for methods that must be seen as absent
            raise AttributeError(name)
        return self.get(name)

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __setitem__(self, name: str, value: Any) -> None:
        super().__setitem__(name, wrap(value))

    def update(self, *mappings: Any, **named: Any) -> None:
        """Set several items, as dict.update does."""
        super().update(AttrDict(dict(*mappings, **named)))

    def setdefault(self, name: str, default: Any = None) -> Any:
        """Return the item, which is set to `default` when it is absent."""
        if name not in self:
            self[name] = default
        return self[name]

    def __delattr__(self, name: str) -> None:
        if name not in self:
            raise AttributeError(name)
        del self[name]

    def to_dict(self) -> dict[str, Any]:
        """Return a copy in plain dicts and lists."""
        return {name: unwrap(value) for name, value in self.items()}


def wrap(value: Any) -> Any:
    """Return the value with every dict in it turned into an AttrDict."""
    if isinstance(value, dict) and not isinstance(value, AttrDict):
        return AttrDict(value)
    if isinstance(value, list):
        return [wrap(item) for item in value]
    return value


def unwrap(value: Any) -> Any:
    """Return the value with every AttrDict in it turned into a dict."""
    if isinstance(value, dict):
        return {name: unwrap(item) for name, item in value.items()}
    if isinstance(value, list):
        return [unwrap(item) for item in value]
    return value
