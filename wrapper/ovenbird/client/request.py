"""A request as it is sent, and the options of a client: time limits, retries, headers, credentials."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode

import msgspec

from ..common.redact import make_redactor
from ..common.text import show_value
from ..function.context import current_call
from .address import Address
from .arguments import Payload, encode_json
from .body import Upload, list_files, make_body, make_form
from .errors import ArgumentsMismatchError, ClientError, StatusError
from .unsendable_values import check_texts, encode_text

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_SECRET_HEADERS = ("authorization", "cookie", "proxy-authorization", "x-api-key")
ACCEPT = "application/json, */*;q=0.8"


class Options(msgspec.Struct, frozen=True):
    """The options of a client; `with_options` changes some of them.

    `timeout` is in seconds, for a whole call with its retries; None for no limit. `idempotent` says that a call may be
    executed twice. `error_types` maps the `type` of a problem document to the class of its error.
    """

    timeout: float | None = 60.0
    connect_timeout: float = 5.0
    retries: int = 3
    idempotent: bool = False
    headers: Mapping[str, str] = {}
    api_key: str | Callable[[], str] | None = None
    error_types: Mapping[str, type[StatusError]] = {}

    def __repr__(self) -> str:
        return f"Options(timeout={self.timeout}, retries={self.retries})"


def check_options(options: Options) -> Options:
    """Return the options. Errors: ClientError for values that cannot be meant."""
    for name in ("timeout", "connect_timeout"):
        value = getattr(options, name)
        if value is None and name == "timeout":
            continue
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 1e9:
            raise ClientError(f"`{name}` is a number of seconds above 0, found {show_value(value)}")
    if isinstance(options.retries, bool) or not isinstance(options.retries, int) or options.retries < 0:
        raise ClientError(f"`retries` is a whole number from 0, found {show_value(options.retries)}")
    check_headers(options.headers)
    for kind in options.error_types.values():
        if not (isinstance(kind, type) and issubclass(kind, StatusError)):
            raise ClientError(f"`error_types` holds classes derived from `StatusError`, found {show_value(kind)}")
    if isinstance(options.api_key, str):
        check_headers({"authorization": f"Bearer {options.api_key}"})
        if not options.api_key.strip():
            raise ClientError("`api_key` is empty", hint="is the variable set that it is read from?")
    return options


def check_headers(headers: Mapping[str, str]) -> None:
    """Raise ClientError for a header that HTTP cannot hold. Its value, which may be secret, is not shown."""
    for name, value in headers.items():
        if not isinstance(name, str) or not _TOKEN.fullmatch(name):
            raise ClientError(f"{show_value(name)} is no name of a header")
        try:
            valid = isinstance(value, str) and not set("\r\n\0") & set(value.encode("latin-1").decode("latin-1"))
        except UnicodeError:
            valid = False
        if not valid:
            raise ClientError(f"the value of the header {show_value(name)} is no text that a header can hold")


class Request(NamedTuple):
    """A request as it is sent. `secrets` are the credentials in it, which no message may hold."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes | Upload
    secrets: tuple[str, ...] = ()

    @property
    def where(self) -> str:
        """Return what was asked of whom, for messages."""
        return f"{self.method} {self.url.partition('?')[0]}"

    def hide(self, text: str) -> str:
        """Return the text without the credentials of this request."""
        return make_redactor(self.secrets)(text) if self.secrets else text


def make_request(
    address: Address, options: Options, method: str, path: str, payload: Payload, headers: Mapping[str, str]
) -> Request:  # fmt: skip
    """Return a request with the headers of the client, of the call, and of the trace that it belongs to."""
    check_headers(headers)
    encode_text(path, "the path")
    merged = {"accept": ACCEPT, "user-agent": "ovenbird-client", **trace_headers()}
    key = options.api_key() if callable(options.api_key) else options.api_key
    if key:
        merged["authorization"] = f"Bearer {key}"
    elif address.authorization:
        merged["authorization"] = address.authorization
    if payload.media_type:
        merged["content-type"] = payload.media_type
    for source in (options.headers, headers):
        merged |= {name.lower(): value for name, value in source.items()}
    body = payload.body
    length = len(body) if isinstance(body, bytes) else body.length
    if length or (length == 0 and method in ("POST", "PUT", "PATCH")):
        merged["content-length"] = str(length)
    secrets = [merged[name] for name in _SECRET_HEADERS if name in merged]
    secrets += [text.partition(" ")[2] for text in secrets if " " in text]
    check_headers({name: merged[name] for name in ("authorization",) if name in merged})  # a key that was just read
    return Request(method, address.join(path), merged, body, tuple(secrets))


def trace_headers() -> dict[str, str]:
    """Return the headers that continue the trace of the call that runs now: OpenTelemetry's, else that of our own."""
    headers: dict[str, str] = {}
    propagate = sys.modules.get("opentelemetry.propagate")
    if propagate is not None:
        propagate.inject(headers)
    call = current_call.get()
    if call is not None and "traceparent" not in headers:
        headers["traceparent"] = call.traceparent
        if call.tracestate:
            headers["tracestate"] = call.tracestate
    return headers


class Content(msgspec.Struct):
    """What a request without a contract sends: at most one of `json`, `data` (fields of a form), `body` and `files`.

    `files` and `data` together are a multipart form.
    """

    json: Any = msgspec.UNSET
    data: Mapping[str, Any] | None = None
    body: Any = None
    files: Mapping[str, Any] | None = None
    params: Mapping[str, Any] | None = None

    def make_payload(self) -> Payload:
        """Return the payload. Errors: ArgumentsMismatchError."""
        names = [name for name in ("data", "body", "files") if getattr(self, name) is not None]
        names += ["json"] if self.json is not msgspec.UNSET else []
        if len(names) > 1 and set(names) != {"data", "files"}:
            raise ArgumentsMismatchError(f"a request has one body, found {' and '.join(f'`{name}`' for name in names)}")
        if self.files is not None:
            fields = [(name, str(value)) for name, value in (self.data or {}).items()]
            media_type, form = make_form([*fields, *list_files(self.files)])
            return Payload(form, media_type)
        if self.data is not None:
            check_texts(self.data, "data")
            return Payload(urlencode(self.data, doseq=True).encode(), "application/x-www-form-urlencoded")
        if self.body is not None:
            text = "text/plain; charset=utf-8" if isinstance(self.body, str) else "application/octet-stream"
            return Payload(make_body(self.body), text)
        return encode_json(self.json, "json") if "json" in names else Payload()

    def add_query(self, path: str) -> str:
        """Return the path with `params` as its query."""
        if not self.params:
            return path
        check_texts(self.params, "params")
        return f"{path}{'&' if '?' in path else '?'}{urlencode(self.params, doseq=True)}"
