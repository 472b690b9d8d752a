"""The default base of a build: the local one, else the upstream; if both are missing, both are named."""

from __future__ import annotations

import pytest

from ovenbird_builder.bases import catalog
from ovenbird_builder.bases.default_base import find_default_base
from ovenbird_builder.errors import BaseMissingError, EngineError, RegistryAuthError, RegistryError

UPSTREAM = "docker.io/library/python:3.12-slim"


class Shelf:
    """Images by name; what is not among them raises `error`."""

    def __init__(self, *names: str, error: Exception | None = None) -> None:
        self.names, self.error = names, error
        self.lookups: list[str] = []

    def __call__(self, name: str) -> str:
        self.lookups.append(name)
        if name in self.names:
            return name
        missing = BaseMissingError(f"there is no base '{name}': manifest unknown", hint="`--base` names another")
        raise missing if name.startswith("localhost/") else self.error or missing


def test_a_local_base_wins() -> None:
    """No registry is contacted."""
    notes: list[str] = []
    shelf = Shelf("localhost/ovenbird:3.12", UPSTREAM)
    assert find_default_base(catalog.choose_base("3.12"), shelf, notes.append) == "localhost/ovenbird:3.12"
    assert (shelf.lookups, notes) == (["localhost/ovenbird:3.12"], [])


@pytest.mark.parametrize(
    ("registry", "name"), [("", UPSTREAM), ("mirror.site:5000", "mirror.site:5000/library/python:3.12-slim")]
)
def test_without_it_the_upstream_is_the_base(registry: str, name: str) -> None:
    """From Docker Hub or the configured mirror; the note names the command that saves the work."""
    notes: list[str] = []
    assert find_default_base(catalog.choose_base("3.12", registry=registry), Shelf(name), notes.append) == name
    assert len(notes) == 1
    assert name in notes[0]
    assert "`ovenbird base build 3.12`" in notes[0]


@pytest.mark.parametrize(
    "error",
    [
        RegistryError("cannot ask for python: the registry does not answer (4 tries): no such host"),
        RegistryAuthError("cannot ask for python: the registry refuses: toomanyrequests"),
        None,
    ],
    ids=["unreachable", "refused", "missing"],
)
def test_the_error_of_two_missing_bases_has_a_hint(error: Exception | None) -> None:
    """Its kind, and so the exit status, is that of the upstream; both names and the three ways out are in it."""
    with pytest.raises(type(error or BaseMissingError(""))) as caught:
        find_default_base(catalog.choose_base("3.12"), Shelf(error=error), pytest.fail)
    missing = caught.value
    assert f"no base localhost/ovenbird:3.12 on this machine, and its upstream {UPSTREAM} is not available: " in str(
        missing
    )
    assert missing.message.count(UPSTREAM) == 1
    assert missing.message.rpartition(": ")[2] in ("no such host", "toomanyrequests", "manifest unknown")
    for way in ("--registry HOST", "OVENBIRD_REGISTRY", "docker.io", "--base", "`ovenbird base build 3.12`"):
        assert way in missing.hint


def test_a_broken_store_is_not_reported_as_a_missing_base() -> None:
    """Otherwise a build on another base would hide a broken engine."""

    def look(name: str) -> str:
        raise EngineError("cannot look: the store is broken")

    with pytest.raises(EngineError, match="the store is broken"):
        find_default_base(catalog.choose_base("3.12"), look, pytest.fail)
