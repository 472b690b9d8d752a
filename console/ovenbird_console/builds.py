"""A build that the page has started: its stages so far, and the image or the error that it ended with."""

from __future__ import annotations

import json
from typing import NamedTuple

from ovenbird.api.image import Image, read_image
from ovenbird.common.text import escape_controls

from .tasks import Task

_STAGE = "> "  # how a line of the builder begins that says what is done now
_LONGEST = 1024 * 1024  # bytes of a log in which stages are looked for


class Build(NamedTuple):
    """What a page shows of a build: titles of its stages in order, then its image, or why there is none."""

    stages: tuple[str, ...]
    image: Image | None = None
    message: str = ""
    hint: str = ""


def read_build(task: Task) -> Build:
    """Return what is known of a build so far."""
    stages, state = read_stages(task), task.state
    if state == "RUNNING":
        return Build(stages)
    try:
        document = json.loads(task.result.read_bytes())
    except (OSError, ValueError):  # it was killed, or refused before it could write
        document = {}
    if state == "COMPLETED" and "digest" in document:
        return Build(stages, read_image(document))
    error = document.get("error") or {}
    message = str(error.get("message") or f"The process ended with status {task.process.poll()}: see its log.")
    return Build(stages, None, message, str(error.get("hint") or ""))


def read_stages(task: Task) -> tuple[str, ...]:
    """Return the titles of the stages that a build has begun."""
    try:
        with task.log.open("rb") as log:
            text = log.read(_LONGEST).decode("utf-8", "replace")
    except OSError:
        return ()
    return tuple(escape_controls(line[len(_STAGE) :]) for line in text.split("\n") if line.startswith(_STAGE))
