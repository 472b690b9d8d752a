"""Write how a run has ended to the container's termination message, where Kubernetes looks for it."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Mapping
from typing import Any

from .redact import redact_text

PATH = "/dev/termination-log"
_LONGEST = 4096  # bytes that Kubernetes takes
_LONGEST_MESSAGE = 3072  # bytes of the message; the traceback gets the rest


def write_termination_message(code: str, message: str, traceback: str = "", path: str = PATH) -> bool:
    """Write code, message and the last lines of a traceback; return whether there is a file for it.

    The file is mounted by the kubelet. A missing file is not created: `/dev` of a machine is not ours.
    """
    with contextlib.suppress(OSError):
        if not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116  # of a pod's mount; a start has no pathlib to spare
            return False
        with open(path, "wb") as file:  # noqa: PTH123  # likewise
            file.write(format_termination_message(code, message, traceback).encode())
        return True
    return False


def format_termination_message(code: str, message: str, traceback: str = "") -> str:
    """Return the text, at most 4 KiB of UTF-8 that ends with a whole character."""
    whole = message if message.startswith(f"{code}: ") else f"{code}: {message}"  # as `ValueError: …` of a handler
    text = _cut_bytes(redact_text(whole), _LONGEST_MESSAGE)
    lines: list[str] = []
    room = _LONGEST - len(text.encode()) - 1
    for line in reversed(redact_text(traceback).splitlines()):
        lines.append(_cut_bytes(line, 500))
        room -= len(lines[-1].encode()) + 1
        if room < 0:
            lines.pop()
            break
    return "\n".join([text, *reversed(lines)]) + "\n"


def _cut_bytes(text: str, most: int) -> str:
    """Return at most that many bytes of a text, with what UTF-8 cannot hold (lone surrogates) replaced."""
    data = text.encode("utf-8", "backslashreplace")
    return data.decode() if len(data) <= most else data[: most - 3].decode("utf-8", "ignore") + "..."


def write_termination_result(
    key: str, results: Mapping[str, Any], outputs: Mapping[str, str], path: str = PATH
) -> bool:  # fmt: skip
    """Write how a run that is COMPLETED has ended, as JSON for whoever follows it; return whether there is a file.

    `results` are JSON values; those with the name of a secret are masked.
    """
    with contextlib.suppress(OSError):
        if not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116  # as above
            return False
        with open(path, "wb") as file:  # noqa: PTH123  # as above
            file.write(format_termination_result(key, results, outputs).encode())
        return True
    return False


def format_termination_result(key: str, results: Mapping[str, Any], outputs: Mapping[str, str]) -> str:
    """Return `{"state", "run", "results", "outputs", "cut"}` as JSON of at most 4 KiB.

    `cut` counts the results and outputs that have found no room; the record of the run has them.
    """
    import json

    from .redact import mask_parameters

    document: dict[str, Any] = {"state": "COMPLETED", "run": key, "results": {}, "outputs": {}, "cut": 0}
    room = _LONGEST - len(json.dumps(document)) - 8
    for field, values in (("outputs", outputs), ("results", mask_parameters(dict(results)))):
        for name, value in values.items():
            size = len(json.dumps({name: value}, default=str)) + 2
            if size <= room:
                document[field][name] = value
                room -= size
            else:
                document["cut"] += 1
    return json.dumps(document, default=str)
