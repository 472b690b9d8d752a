"""Native mode: run what the platform has started, without the module that it renders and without its SDK.

A job is taken from the event's body, a service from Core. What cannot be run like this is left to the rendered
module, before any user code is called; the error says why.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..common.text import show_value
from ..errors import UnsupportedRunError, UnsupportedRunKindError
from ..function.target import Target
from ..job import platform_run
from ..job.entrypoint import is_remote
from ..job.execution import UNSERVED, RunEnvironment
from ..job.run_process import keep_open
from ..platform import keys
from ..platform.core import serialization
from ..platform.store_factory import open_store
from ..settings import Settings
from .config import JOB, ProcessorConfig

if TYPE_CHECKING:  # a job imports nothing of what serves
    from ..serve.handler_adapter import HandlerAdapter
    from .nuclio_adapter import NuclioAdapter

__all__ = ["UNSERVED", "run_native"]
Serve = Callable[["Target", "Settings", "HandlerAdapter"], int]
FAILED, SIGNALS = 1, (130, 143)


def run_native(
    config: ProcessorConfig,
    settings: Settings,
    rendered: Callable[[], NuclioAdapter],
    serve: Serve,
    environ: Mapping[str, str],
) -> int:
    """Run the job, or serve the service, that the platform has started; return the exit status.

    `rendered` returns the adapter of the rendered module, which a service falls back on.

    Errors: one of UNSERVED while the rendered module can still take its place; OvenbirdError.
    """
    settings = replace(settings, source=settings.source or str(config.root))
    if not is_remote(settings, environ):
        raise UnsupportedRunError(f"runs are kept by the platform {show_value(settings.platform)}, not by Core")
    if config.kind == JOB:
        store = keep_open(open_store(settings.platform, environ, settings.platform_patience))
        run = _find_run(config.body, environ)
        end = platform_run.run(None, RunEnvironment(settings, environ, store), {}, known_run=run, replaceable=True)
        return end.exit_code if end.exit_code in (0, *SIGNALS) else FAILED
    target, settings = platform_run.resolve_service(settings, environ)
    if (target.module, target.root) == (config.module, config.root):
        raise UnsupportedRunError(
            f"the module {show_value(target.module)} of the function is the one that the platform has rendered"
        )
    from .native_service import NativeAdapter

    return serve(target, settings, NativeAdapter(config, environ, rendered()))


def _find_run(body: bytes, environ: Mapping[str, str]) -> dict[str, Any] | None:
    """Return the run in the event's body; None without one, or if the environment names another run.

    Errors: UnsupportedRunKindError when it is of another kind.
    """
    try:
        run = json.loads(body)
    except ValueError:
        return None
    if not isinstance(run, dict) or not isinstance(run.get("spec"), dict):
        return None
    if (run.get("id"), run.get("project")) != (environ["RUN_ID"], environ["PROJECT_NAME"]):
        return None
    if run.get("kind") != keys.RUN_KIND:
        raise UnsupportedRunKindError(
            f"run {show_value(run['id'])} is of kind {show_value(run.get('kind'))}: only {keys.RUN_KIND} is run here"
        )
    if not run["spec"].get("source"):  # not built: Core may have a newer version of it
        return None
    return serialization.from_core("run", {"name": run["id"], **run})
