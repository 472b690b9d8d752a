"""A server that takes reports as JSON: one call, and why it failed, in a line without secrets."""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote, urlencode, urlsplit, urlunsplit

import msgspec

from ..common.redact import make_redactor, redact_text, redact_url
from ..common.text import show_value
from ..common.url_port import PORT_HINT, describe_bad_port
from ..errors import SettingsError
from ..platform.core.http_connections import HttpAnswer, HttpCallError, HttpConnections
from ..platform.entities.json_values import encode_json

PATIENCE = 1.4  # seconds without an answer, after which a server is given up
_LONGEST_REASON = 200  # characters of a server's own words


class ReportError(Exception):
    """A report that was not taken; the text is the reason, without secrets.

    `status` is that of the answer, 0 without one; `code` is the `error_code` of MLflow.
    """

    def __init__(self, reason: str, status: int = 0, code: str = "") -> None:
        super().__init__(reason)
        self.status, self.code = status, code


class Credentials(NamedTuple):
    """What a server asks for: a name with a password, else a token."""

    token: str = ""
    user: str = ""
    password: str = ""

    def make_header(self) -> dict[str, str]:
        """Return the header `Authorization`; nothing without credentials."""
        if self.user and self.password:
            login = base64.b64encode(f"{self.user}:{self.password}".encode("utf-8", "surrogateescape")).decode()
            return {"Authorization": f"Basic {login}"}
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}


def check_url(variable: str, url: str) -> str:
    """Return the URL of a server, without blanks around it. Errors: ReportError for what is no HTTP URL."""
    url = url.strip()
    try:
        parts = urlsplit(url)
        is_http = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        is_http = False
    if not is_http:
        raise ReportError(f"`{variable}` is not an HTTP URL: found {show_value(redact_url(url))}")
    if reason := describe_bad_port(url):
        raise ReportError(f"`{variable}` is {show_value(redact_url(url))}: {reason} ({PORT_HINT})")
    return url


class JsonServer:
    """One server. `answered` is the moment of its last answer, by the monotonic clock.

    A name and a password in the URL are used where `credentials` are empty. `authority` is a file of certificates.
    """

    def __init__(self, url: str, credentials: Credentials, environ: Mapping[str, str], authority: str = "") -> None:
        parts = urlsplit(url)
        login = Credentials(user=unquote(parts.username or ""), password=unquote(parts.password or ""))
        header = credentials.make_header() or login.make_header()
        self._base = parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment="")
        self._headers = {"Content-Type": "application/json", "Accept": "application/json", **header}
        encoded = [value.partition(" ")[2] for value in header.values()]
        values = [pair.partition("=")[2] for pair in parts.query.split("&")]
        self._hide = make_redactor((credentials.token, credentials.password, login.password, *encoded, *values))
        authority = authority or environ.get("REQUESTS_CA_BUNDLE") or environ.get("CURL_CA_BUNDLE") or ""
        self._connections = HttpConnections(environ, PATIENCE, PATIENCE, authority)
        self.answered = time.monotonic()

    def locate(self, path: str, query: Mapping[str, str] | None = None) -> str:
        """Return the URL of a path below that of the server."""
        both = "&".join(part for part in (self._base.query, urlencode(query or {})) if part)
        return urlunsplit(self._base._replace(path=f"{self._base.path.rstrip('/')}/{path.lstrip('/')}", query=both))

    def call(self, method: str, path: str, body: Any = None, query: Mapping[str, str] | None = None) -> Any:
        """Return the JSON of an answer, None of an empty one or another form. Errors: ReportError."""
        data = None if body is None else encode_json(body)
        try:
            answer = self._connections.call(method, self.locate(path, query), data, self._headers)
        except (HttpCallError, SettingsError) as error:
            raise ReportError(self.redact(str(error))) from None
        except OSError as error:  # certificates that are no file
            raise ReportError(f"it could not be called: {self.redact(error.strerror or str(error))}") from None
        except ValueError:  # the error's own text repeats the value
            raise ReportError("a key, a token or the address holds characters that HTTP cannot send") from None
        self.answered = time.monotonic()
        document = _decode(answer)
        if not 200 <= answer.status < 300:
            raise self._make_error(answer, document)
        return document

    def redact(self, text: str) -> str:
        """Return a text without the secrets that the server was called with, and without those of URLs."""
        return redact_text(self._hide(text))

    def close(self) -> None:
        """Close the connections."""
        self._connections.close()

    def _make_error(self, answer: HttpAnswer, document: Any) -> ReportError:
        members = document if isinstance(document, dict) else {}
        text = str(members.get("message") or "") or answer.data[:_LONGEST_REASON].decode("utf-8", "replace")
        if 300 <= answer.status < 400:
            text = f"redirects are not followed: {redact_url(answer.headers.get('location', ''))}"
        reason = f": {show_value(self.redact(' '.join(text.split())), _LONGEST_REASON)}" if text else ""
        return ReportError(f"it answered {answer.status}{reason}", answer.status, str(members.get("error_code") or ""))


def _decode(answer: HttpAnswer) -> Any:
    try:
        return msgspec.json.decode(answer.data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
