"""`ovenbird processor`: read the platform's document, then serve its function or run it once."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..common.first_process import leave_first_process
from ..function.target import Target
from ..settings import GRACE, Settings, limits_as_variables
from .config import JOB, ProcessorConfig, read

if TYPE_CHECKING:  # a native job imports nothing of what serves
    from ..serve.handler_adapter import HandlerAdapter
    from .nuclio_adapter import NuclioAdapter

Serve = Callable[["Target", "Settings", "HandlerAdapter"], int]
_log = logging.getLogger("ovenbird")
# variables for the platform's own wrapper, which is not used here
_OF_ITS_WRAPPER = "NUCLIO_PYTHON_"
PLATFORM = ("RUN_ID", "PROJECT_NAME", "DHCORE_ENDPOINT")  # set where the platform has started this process


def run_processor(
    path: str,
    platform: str | None,
    settings: Settings,
    overrides: frozenset[str],
    serve: Serve,
    environ: Mapping[str, str],
) -> int:
    """Serve or run what the document at `path` says; return the exit status. Errors: OvenbirdError.

    `overrides` names the settings that a flag or the environment sets; these replace the limits of the document.
    """
    config = read(Path(path))
    if config.kind == JOB:
        leave_first_process()
    _log_ignored(config, platform, environ)
    _set_variables(config)
    limits = {name: value for name, value in config.limits.items() if name not in overrides}
    if config.kind == JOB and "grace" not in overrides:
        limits["grace"] = GRACE
    settings = replace(settings, **limits)
    environ = {**environ, **limits_as_variables(settings)}
    target = Target(config.root, config.module, config.attribute)

    def rendered() -> NuclioAdapter:
        from .nuclio_adapter import NuclioAdapter

        return NuclioAdapter(config, environ)

    if settings.platform_mode == "native" and all(environ.get(name) for name in PLATFORM):
        from .native_mode import UNSERVED, run_native

        try:
            return run_native(config, settings, rendered, serve, environ)
        except UNSERVED as reason:
            _log.warning(
                "not run natively but by the module %s that the platform has rendered: %s", target.module, reason
            )
    if config.kind != JOB:
        return serve(target, settings, rendered())
    from .job_trigger import run

    return run(config, settings, rendered(), target, environ)


def _log_ignored(config: ProcessorConfig, platform: str | None, environ: Mapping[str, str]) -> None:
    """Log in one line the options, fields and variables that have no effect here."""
    ignored = [f"--platform-config {platform}"] if platform else []
    ignored += [*config.ignored, *sorted(name for name in environ if name.startswith(_OF_ITS_WRAPPER))]
    if ignored:
        _log.info("ignored, as it has no meaning here: %s", ", ".join(ignored))


def _set_variables(config: ProcessorConfig) -> None:
    """Set the variables that describe the function, where the container has not set them."""
    described = {
        "NUCLIO_FUNCTION_NAME": config.name,
        "NUCLIO_FUNCTION_HANDLER": f"{config.module}:{config.attribute}",
        "NUCLIO_FUNCTION_DESCRIPTION": str(config.spec.get("description") or ""),
        "NUCLIO_FUNCTION_VERSION": str(config.spec.get("version") or ""),
    }
    for name, value in described.items():
        if value:
            os.environ.setdefault(name, value.replace("\0", ""))  # a variable cannot hold a NUL
