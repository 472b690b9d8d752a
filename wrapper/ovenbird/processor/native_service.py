"""A service in native mode: the user's own function, bound by name, with a processor's event and context."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ..function.context import Context
from ..function.decorator import is_sdk_function
from ..function.handler import Handler, Thunk
from ..function.loader import load
from ..function.target import Target
from ..job import platform_run
from ..platform import keys
from ..serve.handler_adapter import HandlerAdapter
from .config import ProcessorConfig
from .context import ProcessorContext
from .nuclio_adapter import NuclioAdapter

_log = logging.getLogger("ovenbird")


class NativeAdapter(HandlerAdapter):
    """Calls a user's own function with arguments bound by name, and with the event and the context of a processor.

    A function that the platform's SDK has wrapped in an unknown way is called by the rendered module.
    """

    def __init__(self, config: ProcessorConfig, environ: Mapping[str, str], rendered: NuclioAdapter) -> None:
        self.aliases = rendered.aliases
        self._config, self._environ, self._rendered = config, environ, rendered

    def handler(self, target: Target) -> Handler:
        """Return the handler of a target. Errors: LoadError."""
        from .sdk_stub import install_sdk_stub

        install_sdk_stub()
        loaded = load(target)
        if is_sdk_function(loaded.function):
            _log.warning(
                "not served natively but by the module %s that the platform has rendered: %s is wrapped by the "
                "platform's SDK in a way that is not known here",
                self._config.module, target,
            )  # fmt: skip
            return self._rendered.handler(Target(self._config.root, self._config.module, self._config.attribute))
        # a processor calls an init only when the document names it
        init = loaded.init if target.init else None
        close = loaded.close or self._rendered.platform.terminate
        return _Handler(replace(loaded, init=init, close=close))

    def make_context(self, handler: Handler, worker_id: int, open_project: Callable[[], Any]) -> Context:
        """Return the context of one worker process."""
        return NativeContext(
            handler.name,
            root=str(handler.loaded.target.root),
            worker_id=worker_id,
            open_project=open_project,
            platform=self._rendered.platform,
            kind=self._config.kind,
            trigger_name=self._config.trigger,
            run_id=self._environ["RUN_ID"],
        )

    def make_event(self, call: Any, body: bytes) -> Any:
        """Return a call as an event."""
        return self._rendered.make_event(call, body)


class _Handler(Handler):
    """A handler that ignores init parameters when there is no init, as a run may have some."""

    def bind_init(self, context: Context, parameters: dict[str, Any]) -> Thunk | None:
        """Return the call of init with its arguments bound, or None without an init. Errors: InitError for wrong
        arguments.
        """
        if self.loaded.init is None and not self.loaded.is_class:
            return None
        return super().bind_init(context, parameters)


class NativeContext(ProcessorContext):
    """The context of a processor, with the platform's run, which is read when it is first used."""

    def __init__(self, name: str, *, run_id: str, **rest: Any) -> None:
        self._run: Any = None
        self._run_id = run_id
        super().__init__(name, **rest)

    @property
    def run(self) -> Any:
        """The run of this service."""
        if self._run is None and self.project is not None:
            self._run = self.project.get_run(str(keys.run_key(self.project.name, self._run_id, platform_run.SERVICE)))
        return self._run

    @run.setter
    def run(self, value: Any) -> None:
        self._run = value
