"""A configuration file of pip that lives for one step: URLs of indexes, with their credentials."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

# gone with the machine's next start, should the builder be killed
_MEMORY = Path("/dev/shm")  # noqa: S108  # mkstemp chooses the name in it


@contextlib.contextmanager
def write_pip_conf(index_url: str, extra_index_urls: Sequence[str] = ()) -> Iterator[Path]:
    """Write a pip.conf with the main index and further ones, readable by its owner alone, and remove it at the end.

    pip takes a `%` as it is (it parses by RawConfigParser), so that one in a URL is not doubled.
    """
    folder = _MEMORY if os.access(_MEMORY, os.W_OK) else None
    handle, name = tempfile.mkstemp(prefix="ovenbird-pip-", dir=folder)  # made with mode 0600
    path = Path(name)
    lines = ["[global]", f"index-url = {index_url}"]
    if extra_index_urls:
        lines += ["extra-index-url =", *(f"    {url}" for url in extra_index_urls)]
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
        yield path
    finally:
        path.unlink(missing_ok=True)
