"""The text of a lock: pins with hashes below a head that says what they were made for.

The form is that of a requirements file, so that pip installs from it too; what is ours stands in comments.
"""

from __future__ import annotations

import itertools
import re

from msgspec import Struct

from ovenbird.common.hashing import digest_text
from ovenbird.common.text import show_value

from ..errors import LockError

SELF = "the function"  # in `Pin.via`: asked for by the function itself
_TITLE = "# Locked by Ovenbird; `ovenbird lock` writes this file."
_HEAD = ("python", "platform", "libc", "locker", "inputs")
_PIN = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==([A-Za-z0-9.!+_-]+)(?: *;[^\\]*)?")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_CONFLICT = re.compile(r"(?:<{7}|>{7}|\|{7})(?: |$)|={7}$")  # what a merge leaves where both sides changed


class Pin(Struct, frozen=True):
    """One distribution: normalised name, version, SHA-256 of each file allowed (`sha256:<hex>`).

    `url` is where a pin comes from that no index has: a git URL with its full commit, `file:` and a path below the
    source, or an archive; `built` what built it (`setuptools==80.9`); `via` who asks for it.
    """

    name: str
    version: str
    hashes: tuple[str, ...]
    url: str = ""
    via: tuple[str, ...] = ()
    built: str = ""


class LockHeader(Struct, frozen=True):
    """What a lock was made for: Python's minor version, platform, C library, who locked, digest and list of inputs."""

    python: str = ""
    platform: str = ""
    libc: str = ""
    locker: str = ""
    inputs: str = ""
    requirements: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()


class Lock(Struct, frozen=True):
    """The lock's text, the digest of its pins (comments do not count), and the pins, sorted by name."""

    text: str
    digest: str
    pins: tuple[Pin, ...]
    head: LockHeader = LockHeader()


def make_lock(pins: tuple[Pin, ...], head: LockHeader = LockHeader()) -> Lock:  # noqa: B008  # a frozen record
    """Return a Lock of pins: sorted, with the same text for the same pins."""
    pins = tuple(sorted(pins, key=lambda pin: pin.name))
    return Lock(render_lock(pins, head), digest_pins(pins), pins, head)


def digest_pins(pins: tuple[Pin, ...]) -> str:
    """Return a digest of names, versions, hashes and origins."""
    rows = (f"{pin.name}=={pin.version} {','.join(sorted(pin.hashes))} {pin.url}\n" for pin in pins)
    return digest_text("".join(sorted(rows)))


def render_lock(pins: tuple[Pin, ...], head: LockHeader) -> str:
    """Return the text of a lock."""
    lines = [_TITLE, *(f"# {name}: {getattr(head, name)}" for name in _HEAD)]
    lines += [f"# wanted: {text}" for text in head.requirements]
    lines += [f"# constraints: {text}" for text in head.constraints]
    for pin in pins:
        lines += [
            "",
            " \\\n".join([f"{pin.name}=={pin.version}", *(f"    --hash={part}" for part in sorted(pin.hashes))]),
        ]
        lines += [f"    # from {pin.url}"] if pin.url else []
        lines += [f"    # built by {pin.built}"] if pin.built else []
        lines += [f"    # via {', '.join(sorted(pin.via))}"] if pin.via else []
    return "\n".join(lines) + "\n"


def parse_lock(text: str, name: str) -> Lock:
    """Return the Lock of a text. Errors: LockError, with the line, for what is not a pin with hashes."""
    if not text.strip():
        raise LockError(f"{name} is empty", hint="`ovenbird lock`")
    for number, line in enumerate(text.splitlines(), 1):
        if _CONFLICT.match(line):  # within a pin it would pass for a part of its line
            raise LockError(f"{name}, line {number}: the marker of a merge conflict", hint="`ovenbird lock`")
    fields: dict[str, list[str]] = {}
    rows: list[list[str]] = []  # each pin's logical line, then its comments
    for number, line in enumerate(text.replace("\\\n", " ").splitlines(), 1):
        stripped = line.strip()
        if stripped.startswith("#"):
            if rows:
                rows[-1].append(stripped.lstrip("# "))
            else:
                key, _, value = stripped.lstrip("# ").partition(": ")
                fields.setdefault(key, []).append(value)
        elif stripped:
            match = _PIN.match(stripped)
            if not match or not _HASH.search(stripped):
                raise LockError(
                    f"{name}, entry {len(rows) + 1} (line {number} when joined): expected `NAME==VERSION` with "
                    f"`--hash=sha256:...`, found {show_value(stripped[:80])}",
                    hint="`ovenbird lock`",
                )
            rows.append([stripped])
    pins = tuple(sorted(map(_parse_pin, rows), key=lambda pin: pin.name))
    for first, second in itertools.pairwise(pins):
        if first.name == second.name:  # as a merge without a conflict leaves it
            raise LockError(
                f"{name} pins {first.name} twice, as {first.version} and {second.version}", hint="`ovenbird lock`"
            )
    single = {key: fields.get(key, [""])[0] for key in _HEAD}
    head = LockHeader(
        **single, requirements=tuple(fields.get("wanted", ())), constraints=tuple(fields.get("constraints", ()))
    )
    return Lock(text, digest_pins(pins), pins, head)


def _parse_pin(row: list[str]) -> Pin:
    from packaging.utils import canonicalize_name  # not for a lock without pins

    match = _PIN.match(row[0])
    assert match
    comments: dict[str, str] = {}
    for comment in row[1:]:
        for word in ("from ", "built by ", "via "):
            if comment.startswith(word):
                comments[word] = comment.removeprefix(word).strip()
    return Pin(
        canonicalize_name(match[1]),
        match[2],
        tuple(sorted(f"sha256:{value}" for value in _HASH.findall(row[0]))),
        comments.get("from ", ""),
        tuple(part.strip() for part in comments.get("via ", "").split(",") if part.strip()),
        comments.get("built by ", ""),
    )
