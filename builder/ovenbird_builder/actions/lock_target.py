"""Lock a target for the Python API: options by name, and what was locked as a document."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from msgspec.structs import fields

from ovenbird.common.did_you_mean import suggest_names
from ovenbird.common.text import show_value

from ..errors import BuildRequestError
from ..host.progress import make_progress
from .lock_requirements import PLATFORMS, LockRequest, lock_requirements
from .option_values import check_value

_PATHS = ("requirements", "constraints")


def lock_target(
    target: str, options: Mapping[str, Any], environ: Mapping[str, str], stream: TextIO | None = None
) -> dict[str, Any]:
    """Lock what a target needs; return `path`, `digest`, `python`, `platform`, `packages` and `changes` of the lock.

    Progress and notes are written to `stream`, by default to stderr. `options` are those of `ovenbird lock` by name,
    such as `upgrade` or `locker`. Errors: BuildRequestError; those of `lock_requirements`.
    """
    request = make_lock_request(target, options)
    output = stream or sys.stderr
    result = lock_requirements(
        request, environ, lambda text: print(text, file=output), lambda secrets: make_progress(output, secrets)
    )
    head = result.lock.head
    return {
        "path": str(result.path), "digest": result.lock.digest, "python": head.python, "platform": head.platform,
        "packages": {pin.name: pin.version for pin in result.lock.pins}, "changes": list(result.changes),
    }  # fmt: skip


def make_lock_request(target: str, options: Mapping[str, Any]) -> LockRequest:
    """Return the request of options by name. Errors: BuildRequestError for an unknown or malformed one."""
    defaults = {field.name: field.default for field in fields(LockRequest) if field.name != "target"}
    if unknown := sorted(set(options) - set(defaults)):
        raise BuildRequestError(
            f"a lock has no option {show_value(unknown[0])}", hint=suggest_names(unknown[0], list(defaults))
        )
    values: dict[str, Any] = {
        name: check_value(
            name, value, switch=isinstance(defaults[name], bool), many=isinstance(defaults[name], tuple | None)
        )
        for name, value in options.items()
        if value is not None
    }
    for name in _PATHS:
        values[name] = tuple(map(Path, values.get(name, ())))
    if (platform := values.get("platform")) and platform not in PLATFORMS:
        raise BuildRequestError(f"platform: expected one of {', '.join(PLATFORMS)}, found {show_value(platform)}")
    return LockRequest(target=os.fspath(target), **values)
