"""`ovenbird processor`: serve or run a function as the platform's processor does, from its document."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from .serve import make_service_hooks
from .verb_call import VerbCall

if TYPE_CHECKING:
    from ..function.target import Target
    from ..serve.handler_adapter import HandlerAdapter
    from ..settings import Settings


def main(call: VerbCall) -> int:
    """Serve or run what the processor's document says; return the exit status."""
    from ..processor.entrypoint import run_processor

    def serve(target: Target, settings: Settings, dialect: HandlerAdapter) -> int:
        from ..serve import service

        hooks = make_service_hooks(call, target, settings, lambda: target)
        return service.serve(target, settings, replace(hooks, dialect=dialect))

    flags = call.flags
    return run_processor(flags["config"], flags["platform_config"], call.settings, call.overrides, serve, os.environ)
