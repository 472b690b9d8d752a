"""Calls of a function in this process: one, or several with one init."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from ..function.handler import Handler
from .handlers import Testable, load_testable, make_settings
from .local_service import LocalAnswer, LocalService


def service(
    handler: Testable,
    *,
    init: Mapping[str, Any] | None = None,
    project: Any = None,
    secrets: Mapping[str, str] | None = None,
    environ: Mapping[str, str] | None = None,
    raise_errors: bool = True,
    source: str = "",
    **settings: Any,
) -> LocalService:
    """Return a service, to be used in a `with` or `async with` block.

    `handler` is a function, a class, an application, or a target as on the command line, below the folder `source`.
    `init` holds the parameters of init, `environ` variables of this process for the time of the block.
    `context.project` is `project`, by default one with an empty store of its own, in which `secrets` can be read.
    `settings` are those of `ovenbird serve`: `timeout=2.0`, `max_body=1000`.
    Errors: LoadError, SettingsError; InitError when the block begins.
    """
    loaded = load_testable(handler, source)
    chosen = make_settings("serve", {"init": dict(init or {}), "access_log": False, **settings})
    return LocalService(
        Handler(loaded), chosen, project=project, secrets=secrets, environ=environ, raise_errors=raise_errors
    )


def call(
    handler: Testable, json: Any = msgspec.UNSET, *, method: str = "", path: str = "",
    headers: Mapping[str, str] | None = None, params: Mapping[str, Any] | None = None,
    data: Mapping[str, Any] | None = None, body: Any = None, files: Mapping[str, Any] | None = None, **options: Any,
) -> LocalAnswer:  # fmt: skip
    """Run init, call the function once, run close, and return the answer. `options` are those of `service`."""
    with service(handler, **options) as running:
        return running.call(
            json, method=method, path=path, headers=headers, params=params, data=data, body=body, files=files
        )


async def acall(
    handler: Testable, json: Any = msgspec.UNSET, *, method: str = "", path: str = "",
    headers: Mapping[str, str] | None = None, params: Mapping[str, Any] | None = None,
    data: Mapping[str, Any] | None = None, body: Any = None, files: Mapping[str, Any] | None = None, **options: Any,
) -> LocalAnswer:  # fmt: skip
    """Do the same as `call`, in a test that is a coroutine."""
    async with service(handler, **options) as running:
        return await running.acall(
            json, method=method, path=path, headers=headers, params=params, data=data, body=body, files=files
        )
