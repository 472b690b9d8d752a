"""`run.invoke(…)`: call the service of a run, with the arguments of the library `requests`, and its answer's names."""

from __future__ import annotations

import io
import json as json_codec
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from ..common.did_you_mean import suggest_names
from ..common.redact import redact_url
from ..common.text import show_value
from ..errors import ArgumentsError, PlatformError, PlatformUnreachableError
from ..platform.entities.run import Run

_ARGUMENTS = ("json", "data", "params", "headers", "timeout")
_SCHEMES = ("http://", "https://")


class ServiceResponse:
    """The answer of a service, as `requests` has it: `status_code`, `headers`, `content`, `text`, `json()`, `ok`."""

    def __init__(self, url: str, status_code: int, headers: Mapping[str, str], content: bytes) -> None:
        self.url, self.status_code, self.content = url, status_code, content
        self.headers = {name.lower(): value for name, value in headers.items()}

    def __repr__(self) -> str:
        return f"<Response [{self.status_code}]>"

    @property
    def ok(self) -> bool:
        """Return whether the status is below 400."""
        return self.status_code < 400

    @property
    def text(self) -> str:
        """Return the body as text."""
        return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        """Return the body as JSON. Errors: ValueError."""
        return json_codec.loads(self.content)

    def raise_for_status(self) -> None:
        """Raise PlatformError for a status from 400."""
        if not self.ok:
            raise PlatformError(f"{redact_url(self.url)} answered {self.status_code}: {show_value(self.text[:400])}")


def call_service(run: Run, method: str, url: str | None, options: Mapping[str, Any]) -> ServiceResponse:
    """Send a request to the service of a run. Without `json` and `data` it is a GET, unless another method is named.

    `options`: `json`, `data` (a text, bytes, or a mapping, which is sent as a form), `params`, `headers`, `timeout` in
    seconds. Errors: PlatformError for a run without a service; ArgumentsError; PlatformUnreachableError.
    """
    for name in options:
        if name not in _ARGUMENTS:
            hint = suggest_names(name, _ARGUMENTS) or "one of " + ", ".join(_ARGUMENTS)
            raise ArgumentsError(f"invoke has no argument {show_value(name)}", hint=hint)
    address = _find_address(run, url)
    body, headers = _encode_body(options)
    if body is None and method == "POST":
        method = "GET"
    if options.get("params"):
        address += ("&" if "?" in address else "?") + urlencode(options["params"], doseq=True)
    request = urllib.request.Request(address, body, {**headers, **(options.get("headers") or {})}, method=method)  # noqa: S310
    return _send(request, options.get("timeout"))


def _find_address(run: Run, url: str | None) -> str:
    """Return the URL to call, which is one of the service. Errors: PlatformError, ArgumentsError."""
    service = run.status.get("service") or {}
    base = str(service.get("url") or "")
    if not base:
        raise PlatformError(
            f"{run.key} has no service: its state is {run.status.state}", hint='`function.run("serve", wait=True)`'
        )
    if url is None:
        return f"http://{base}"
    plain = url.removeprefix("http://").removeprefix("https://")
    if plain != base and not plain.startswith((f"{base}/", f"{base}?")):
        raise ArgumentsError(
            f"{show_value(redact_url(url))} is not of the service", hint=f"it begins with http://{base}"
        )
    return url if url.startswith(_SCHEMES) else f"http://{url}"


def _encode_body(options: Mapping[str, Any]) -> tuple[bytes | None, dict[str, str]]:
    """Return the body with its headers. Errors: ArgumentsError."""
    data = options.get("data")
    if options.get("json") is not None:
        try:
            return json_codec.dumps(options["json"]).encode(), {"Content-Type": "application/json"}
        except (TypeError, ValueError) as error:
            raise ArgumentsError(f"json is of type {type(options['json']).__name__}: {error}") from None
    if data is None:
        return None, {}
    if isinstance(data, (str, bytes, bytearray)):
        return (data.encode() if isinstance(data, str) else bytes(data)), {"Content-Type": "application/octet-stream"}
    if isinstance(data, Mapping):
        return urlencode(data, doseq=True).encode(), {"Content-Type": "application/x-www-form-urlencoded"}
    if isinstance(data, io.IOBase):
        content = data.read()
        return (content.encode() if isinstance(content, str) else content), {"Content-Type": "application/octet-stream"}
    raise ArgumentsError(f"data is {show_value(data)}", hint="a text, bytes, a mapping or an open file")


def _send(request: urllib.request.Request, timeout: float | None) -> ServiceResponse:
    """Send a request past any proxy, as the service is on this machine. Errors: PlatformUnreachableError."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=timeout) as answer:
            return ServiceResponse(request.full_url, answer.status, dict(answer.headers), answer.read())
    except urllib.error.HTTPError as answer:
        with answer:
            return ServiceResponse(request.full_url, answer.code, dict(answer.headers), answer.read())
    except (OSError, ValueError) as error:
        raise PlatformUnreachableError(f"{redact_url(request.full_url)} does not answer: {error}") from None
