"""What `ovenbird check` does: load a function and describe how it is called."""

from __future__ import annotations

import time
from typing import Any

from ..errors import SignatureError
from ..function.binder import JOB
from ..function.describe import describe, describe_job, describe_service
from ..function.handler import Handler
from ..function.loader import load
from ..function.target import Target
from ..settings import Settings


def describe_function(target: Target, settings: Settings, name: str, *, with_imports: bool = False) -> dict[str, Any]:
    """Load a function and return its contract, as `ovenbird check --json` prints it. `name` is what people call it.

    With `with_imports`, a report on its import is part of it, which this process has to make for the first time. A
    function that a job can call and a service cannot, as it takes an entity, is described as a job.

    Errors: LoadError; SignatureError, with `strict` also for a hint that cannot be resolved.
    """
    timer, since = None, time.time()
    if with_imports:
        from ..common.import_times import ImportTimer

        timer = ImportTimer()
    loaded = load(target, timer)
    job = Handler(loaded, JOB, fields_only=True)
    unresolved = job.explain_unresolved()
    if unresolved and settings.strict:
        raise SignatureError(unresolved, hint="import the name where the code runs, or leave the hint out")
    job.warn_unresolved()
    try:
        handler = Handler(loaded)
        service = describe_service(handler, settings.port)
    except SignatureError as error:
        handler, service = job, {"example": None, "refused": f"cannot be served: {error.message}"}
    description = describe(handler, settings.init)
    description |= {"service": service, "job": describe_job(job, name)}
    if timer is not None:
        from .import_report import make_import_report

        description["imports"] = make_import_report(target, timer, since)
    return description
