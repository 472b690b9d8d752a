"""Entity keys: `store://{project}/{type}/{kind}/{name}:{id}`; without `:{id}`, the latest of that name."""

from __future__ import annotations

import os
from typing import NamedTuple

from ..common.text import show_value
from ..errors import InputError, OvenbirdError

SCHEME = "store://"
TYPES = ("artifact", "dataitem", "model", "run", "function", "secret")
ELSEWHERE = ("containerimage",)  # types that relations name and that no store keeps
RUN_KIND = "python+job:run"
_LONGEST = 200  # a name becomes a folder and a file's stem; 255 bytes is what file systems take

# The platform's pattern, `^[a-zA-Z0-9.+-_]+$`, holds the range `+` to `_` by accident. What is harmless of it is
# accepted; what is not is refused: `/` and `\` leave the folder, `:` divides the id, `?<>[]^;` are not for URLs.
# Sets of characters, because every run needs them and a regular expression takes a millisecond to compile.
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
_NAME = _PLAIN | frozenset(".+,=@_-")
_KIND = _PLAIN | frozenset(".+:_-")
_ID = _PLAIN | frozenset("._-")
_FORM = f"{SCHEME}PROJECT/TYPE/KIND/NAME:ID, where :ID may be left out for the latest"


class EntityKey(NamedTuple):
    """The address of an entity; `id` None stands for the latest version of the name."""

    project: str
    type: str
    kind: str
    name: str
    id: str | None = None

    def __str__(self) -> str:
        return f"{SCHEME}{self.project}/{self.type}/{self.kind}/{self.name}" + (f":{self.id}" if self.id else "")

    def latest(self) -> EntityKey:
        """Return the key of the same name without a version."""
        return self._replace(id=None)


def new_id() -> str:
    """Return a random version 4 UUID as 32 hexadecimal digits, without the cost of importing `uuid`."""
    raw = bytearray(os.urandom(16))
    raw[6] = raw[6] & 0x0F | 0x40
    raw[8] = raw[8] & 0x3F | 0x80
    return raw.hex()


def check_name(name: object, label: str = "name", error: type[OvenbirdError] = InputError) -> str:
    """Return the name itself, when it can stand in a key and as a file; else raise `error` with the reason."""
    if not isinstance(name, str):
        raise error(
            f"{label} is a {type(name).__name__}, not text: {show_value(name)}", hint="give the name as a string"
        )
    if name in ("", ".", "..") or len(name) > _LONGEST or not _NAME.issuperset(name):
        characters = sorted(set(name) - _NAME)
        why = f"found {' '.join(map(repr, characters))}" if characters else f"{len(name)} characters"
        raise error(
            f"{label} {show_value(name[:_LONGEST])} cannot be used: {why}",
            hint=f"1 to {_LONGEST} letters, digits or . + - _ , = @, and neither . nor ..",
        )
    return name


def check_id(identity: object, label: str = "id", error: type[OvenbirdError] = InputError) -> str:
    """Return the id itself, when it is a UUID in hexadecimal or a slug."""
    if (
        not isinstance(identity, str)
        or not 0 < len(identity) <= _LONGEST
        or not (_ID.issuperset(identity) and identity[0] in _PLAIN)
    ):
        raise error(
            f"{label} {show_value(identity)} cannot be used",
            hint="letters, digits, . _ and -, first a letter or a digit",
        )
    return identity


def check_kind(kind: object, label: str = "kind") -> str:
    """Return the kind itself, when it can stand in a key; else raise an InputError."""
    if not isinstance(kind, str) or kind in ("", ".", "..") or len(kind) > _LONGEST or not _KIND.issuperset(kind):
        hint = f"1 to {_LONGEST} letters, digits or . + : _ -, and neither . nor .."
        raise InputError(f"{label} is {show_value(kind)}", hint=hint)
    return kind


def is_key(text: object) -> bool:
    """Return whether the text claims to be an entity key; it may still be malformed."""
    return isinstance(text, str) and text.startswith(SCHEME)


def get_key_type(text: object) -> str:
    """Return the type in a key, even an unknown one; empty text for any other text."""
    parts = str(text)[len(SCHEME) :].split("/") if is_key(text) else []
    return parts[1] if len(parts) > 1 else ""


def parse_key(text: str) -> EntityKey:
    """Return the key in `text`; InputError names the part that is wrong.

    A run is named by its id, so `store://p/run/python+job:run/{id}` and `…/{id}:{id}` are the same run.
    """
    if not is_key(text):
        raise InputError(f"{show_value(text)} is not an entity key", hint=_FORM)
    parts = text[len(SCHEME) :].split("/")
    if len(parts) != 4:
        raise InputError(f"entity key {show_value(text)} has {len(parts)} parts between slashes, not 4", hint=_FORM)
    project, kind_of, kind, last = parts
    name, colon, identity = last.partition(":")
    if kind_of not in TYPES:
        raise InputError(
            f"entity key {show_value(text)}: the type is {show_value(kind_of)}", hint="one of " + ", ".join(TYPES)
        )
    check_name(project, f"entity key {show_value(text)}: the project")
    check_kind(kind, f"entity key {show_value(text)}: the kind")
    check_name(name, f"entity key {show_value(text)}: the name")
    if colon:
        check_id(identity, f"entity key {show_value(text)}: the id")
    return EntityKey(project, kind_of, kind, name, identity or (name if kind_of == "run" else None))


def run_key(project: str, identity: str, kind: str = RUN_KIND) -> EntityKey:
    """Return the key of a run, in the long form that relations use."""
    return EntityKey(project, "run", kind, identity, identity)
