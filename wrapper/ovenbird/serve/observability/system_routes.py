"""The routes of the runtime, below `/_/`: live, ready, metrics, openapi.json, the page. Starlette comes on demand."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from ...function.handler import Handler
from ...function.tracebacks import summarize_error
from ...settings import Settings
from ...trace_context import new_id
from ..call import Message, Receive, Scope, Send
from ..lifecycle.state import WorkerLifecycle, WorkerState
from .metrics import SharedMetrics

_OTHERS = "init of another worker has not finished"  # which answers calls 503 until then
_PROBE = 1.0  # seconds for `ready` or `alive` of the user


class SystemRoutes:
    """An ASGI application for the reserved prefix.

    If metrics and the OpenAPI document have their own port, or none, only the probes are answered at the port of the
    function, and the page where it was asked for by name.
    """

    def __init__(
        self,
        handler: Handler,
        lifecycle: WorkerLifecycle,
        blocks: SharedMetrics,
        gauge: Callable[[], None],
        aliases: Mapping[str, str] = {},
        *,
        settings: Settings,
    ) -> None:
        self.handler = handler
        self.lifecycle = lifecycle
        self.blocks = blocks
        self.gauge = gauge
        self.paths = (b"/_/", *(alias.encode() for alias in aliases))
        self._aliases = aliases
        self._public = not settings.admin_port
        self._has_page = settings.page == "on" or (settings.page == "auto" and self._public)
        self._methods = settings.methods
        self._app: Any = None
        self._page_app: Any = None
        self._probe_app: Any = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["path"] in self._aliases:
            scope["path"] = self._aliases[scope["path"]]
        status = 0

        async def tell(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self._choose_app(scope["path"])(scope, receive, tell)
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # an error of user code must not end the server
            if status:
                raise
            await self._answer_failed(scope, error, send)

    def _choose_app(self, path: str) -> Any:
        """Return the application for a path. The modules of the page are imported when somebody asks for it."""
        if self._has_page and (path == "/_/" or path.startswith("/_/page/")):
            if self._page_app is None:
                from ..page.page_routes import make_page_app

                self._page_app = make_page_app(self.handler, self._methods, public=self._public)
            return self._page_app
        if self._app is None:
            self._app = self._make_routes(public=self._public)
        return self._app

    async def _answer_failed(self, scope: Scope, error: BaseException, send: Send) -> None:
        """Log why a route of the runtime failed, and answer 500 with the id of the record."""
        import logging
        import traceback

        from ..problem_details import problem_response

        error_id = new_id(64)
        logging.getLogger("ovenbird").error(
            "%s failed: %s", scope["path"], summarize_error(error),
            extra={"fields": {"error_id": error_id, "error": type(error).__name__},
                   "traceback": "".join(traceback.format_exception(error)).rstrip()},
        )  # fmt: skip
        reply = problem_response(500, "the runtime failed; the log has the reason under this id", error_id=error_id)
        await send({"type": "http.response.start", "status": 500, "headers": reply.headers})
        await send({"type": "http.response.body", "body": reply.body})

    async def probe(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request at the second port, with the prefix or without: `/live`, `/_/metrics`, ..."""
        if scope["type"] != "http":
            return
        if self._probe_app is None:
            self._probe_app = self._make_routes(public=True)
        if not scope["path"].startswith("/_/"):
            scope["path"] = f"/_{scope['path']}"
        await self._probe_app(scope, receive, send)

    def _make_routes(self, *, public: bool) -> Any:
        from starlette.responses import JSONResponse, PlainTextResponse
        from starlette.routing import Route, Router

        async def live(_: Any) -> Any:
            why = self.lifecycle.unhealthy or await self._run_probe("alive")
            return JSONResponse({"status": "dead", "reason": why}, 503) if why else JSONResponse({"status": "live"})

        async def ready(_: Any) -> Any:
            state = self.lifecycle.state.value
            why = (
                self.lifecycle.why
                or self.lifecycle.unhealthy
                or (_OTHERS if self.blocks.has_initialising_worker else "")
                or (await self._run_probe("ready") if self.lifecycle.state is WorkerState.READY else "")
            )
            if why:
                return JSONResponse({"status": state, "reason": why}, 503)
            phases = {name: round(seconds, 4) for name, seconds in self.lifecycle.phases.items()}
            return JSONResponse({"status": state, "phases": phases})

        async def metrics(_: Any) -> Any:
            self.gauge()
            text = await asyncio.get_running_loop().run_in_executor(None, self.blocks.format_text)
            return PlainTextResponse(text, media_type="text/plain; version=0.0.4; charset=utf-8")

        async def openapi(_: Any) -> Any:
            from .openapi import make_document

            return JSONResponse(make_document(self.handler))

        async def missing(_: Scope, __: Receive, send: Send) -> None:
            from ..problem_details import problem_response

            answer = problem_response(404, f"the runtime has {', '.join(routes)} below /_/")
            await send({"type": "http.response.start", "status": 404, "headers": answer.headers})
            await send({"type": "http.response.body", "body": answer.body})

        routes: dict[str, Any] = {"live": live, "ready": ready}
        if public:
            routes |= {"metrics": metrics, "openapi.json": openapi}
        return Router(
            [Route(f"/_/{name}", route) for name, route in routes.items()], redirect_slashes=False, default=missing
        )

    async def _run_probe(self, name: str) -> str:
        """Run a probe of the user.

        Return `""` if it succeeds, else the reason: it raised, returned False or timed out.
        """
        probe = self.handler.probe(name)
        if probe is None:
            return ""
        try:
            result = await asyncio.wait_for(_call_probe(probe), _PROBE)
        except asyncio.TimeoutError:
            return f"{name}() took over {_PROBE:g} seconds"
        except Exception as error:
            import logging

            logging.getLogger("ovenbird").warning("%s() raised %s", name, summarize_error(error))
            return f"{name}() failed"
        return f"{name}() said no" if result is False else ""


async def _call_probe(probe: Callable[[], Any]) -> Any:
    try:
        if inspect.iscoroutinefunction(probe):
            return await probe()
        return await asyncio.get_running_loop().run_in_executor(None, probe)
    except (Exception, asyncio.CancelledError):
        raise
    except BaseException as error:  # a task that ends with SystemExit ends the event loop
        raise RuntimeError(summarize_error(error)) from error
