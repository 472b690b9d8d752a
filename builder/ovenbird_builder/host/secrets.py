"""Build secrets: values that a step may read while it runs, and that nothing keeps."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ovenbird.common.private_files import make_private_file
from ovenbird.common.text import show_value

from ..errors import BuildRequestError

PLACE = "/run/secrets"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
_LARGEST = 512 * 1024


@dataclass(frozen=True, slots=True)
class BuildSecret:
    """A secret's name, and its value, which no `repr` shows."""

    name: str
    value: bytes = field(repr=False)

    @property
    def texts(self) -> tuple[str, ...]:
        """Return the texts to hide in output: the value and, since output comes in lines, each of its lines."""
        text = self.value.decode(errors="replace").strip()
        return tuple(dict.fromkeys(line.strip() for line in (text, *text.splitlines()) if line.strip()))

    def identify(self, salt: bytes) -> str:
        """Return a fingerprint of the value for keys of the cache, which reveals nothing without the salt."""
        return f"{self.name}:{hmac.new(salt, self.value, hashlib.sha256).hexdigest()}"


def parse_secrets(texts: Iterable[str], environ: Mapping[str, str]) -> tuple[BuildSecret, ...]:
    """Return secrets from `NAME=ENV|FILE`: a variable of the environment by that name wins over a file.

    Errors: BuildRequestError, which never shows a value.
    """
    secrets: dict[str, BuildSecret] = {}
    for text in texts:
        name, equals, origin = text.partition("=")
        if not equals or not _NAME.fullmatch(name):
            # the rest is not shown: who forgets the form may have written the value itself
            raise BuildRequestError("--secret: expected `NAME=ENV|FILE`", hint="`--secret NAME=VARIABLE_OR_FILE`")
        if name in secrets:
            raise BuildRequestError(f"--secret: {show_value(name)} is given twice")
        secrets[name] = BuildSecret(name, _read_value(name, origin, environ))
    return tuple(secrets.values())


@contextlib.contextmanager
def mount_secrets(secrets: Iterable[BuildSecret]) -> Iterator[tuple[str, ...]]:
    """Yield the mounts that put each secret below `/run/secrets`, from files that only the owner can read."""
    secrets = tuple(secrets)
    if not secrets:
        yield ()
        return
    shm = Path("/dev/shm")  # noqa: S108  # memory, not disk, where there is one; the folder is made 0700 in it
    parent = shm if shm.is_dir() and os.access(shm, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="ovenbird-secrets-", dir=parent) as folder:
        mounts = []
        for secret in secrets:
            path = Path(folder, secret.name)
            make_private_file(path)
            path.write_bytes(secret.value)
            mounts.append(f"{path}:{PLACE}/{secret.name}:ro")
        yield tuple(mounts)


def _read_value(name: str, origin: str, environ: Mapping[str, str]) -> bytes:
    if origin in environ:
        value = environ[origin].encode("utf-8", "surrogateescape")
    else:
        try:
            value = Path(origin).read_bytes()
        except (OSError, ValueError):
            raise BuildRequestError(
                f"--secret: {show_value(name)} names neither a variable of the environment nor a file that can be read"
            ) from None
    if not value.strip():
        raise BuildRequestError(f"--secret: {show_value(name)} is empty")
    if len(value) > _LARGEST:
        raise BuildRequestError(f"--secret: {show_value(name)} is larger than {_LARGEST // 1024} KiB")
    return value
