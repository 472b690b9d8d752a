"""Commands on a terminal of their own, as a person runs them."""

from __future__ import annotations

import os
import pty
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple


class Shown(NamedTuple):
    """The outcome of a command: exit status, terminal output, and stderr if it was separate."""

    code: int
    text: str
    errors: str


def run_on_terminal(
    command: Sequence[str],
    env: Mapping[str, str],
    folder: Path | None = None,
    *,
    merged: bool = False,
    start: Callable[..., Any] = subprocess.Popen,
) -> Shown:
    """Run a command to its end with stdout on a terminal, and with `merged` stderr too; line breaks are `\\n`.

    `start` starts it, as `subprocess.Popen` does: `starts.start` takes the words of `ovenbird`.
    """
    leader, follower = pty.openpty()
    process = start(
        command, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=follower,
        stderr=follower if merged else subprocess.PIPE,
    )  # fmt: skip
    os.close(follower)
    texts: list[bytes] = []
    reader = threading.Thread(target=lambda: texts.append(read_terminal(leader)))
    reader.start()
    _, errors = process.communicate(timeout=120)
    reader.join(60)
    return Shown(process.returncode, texts[0].decode(errors="replace").replace("\r\n", "\n"), (errors or b"").decode())


def read_terminal(leader: int) -> bytes:
    """Return all that is written to the other end of a terminal until that is closed; close this end."""
    text = b""
    with os.fdopen(leader, "rb", buffering=0) as terminal:
        while True:
            try:
                part = terminal.read(65536)
            except OSError:  # how Linux says that the other end is closed
                return text
            if not part:
                return text
            text += part
