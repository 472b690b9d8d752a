"""Call the platform's REST API: sign calls, and repeat them while that can help. Errors hold no secret."""

from __future__ import annotations

import logging
import random
import re
import threading
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

import msgspec

from ...common.redact import redact_text, redact_url
from ...common.text import show_value
from ...common.units import read_whole
from ...common.url_port import PORT_HINT, describe_bad_port
from ...errors import PlatformAuthError, PlatformResponseError, PlatformUnreachableError, SettingsError
from ..entities.json_values import encode_json
from .auth import TokenManager
from .http_connections import CertificateError, HttpAnswer, HttpCallError, HttpConnections

LEVELS = (15, 20)  # of the API, which the server tells by X-Api-Level
_CONNECT = 5.0  # seconds
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 5.0
_LONGEST_WISH = 60.0  # seconds that a Retry-After is followed
_MOST_FAILURES = 3  # answers 500 to one call
_AGAIN = (429, 500, 502, 503, 504)
_FIELD = re.compile(  # of Spring's validation
    r"Field error in object '\w+' on field '([^']+)': rejected value \[(.*?)\]; codes .*?"
    r"; default message \[((?:must|size|length|may|is|not)\b[^;]*?)\](?=\]|;| |$)"
)
_VALUE = re.compile(  # of Jackson's
    r'from String (?P<value>"[^"]*"): not one of the values accepted for Enum class: \[(?P<known>[^\]]*)\]'
    r'(?:.*\["(?P<name>\w+)"\]\))?'
)
_CLASS = re.compile(r"\b(?:[a-z]\w*\.){2,}([A-Z]\w*)")
_log = logging.getLogger("ovenbird")


class RestClient:
    """One platform: its address, its connections, its credentials. Threads may share it.

    `patience`: seconds for which a call is tried again while the platform does not answer or is overloaded;
    `read_timeout`: seconds that one try waits for an answer.
    """

    def __init__(self, environ: Mapping[str, str], patience: float = 60.0, read_timeout: float = 60.0) -> None:
        self.tokens = TokenManager(environ, self._ask)
        self.patience = patience
        self.endpoint = self.tokens.get_setting("DHCORE_ENDPOINT").strip().rstrip("/")
        parts = urlsplit(self.endpoint)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            problem = f"found {parts.scheme}://{parts.hostname}" if self.endpoint else "it is not set"
            raise SettingsError(f"DHCORE_ENDPOINT: expected the `http(s)` address of the platform, {problem}")
        _check_port(self.endpoint, "the platform (`DHCORE_ENDPOINT`)")
        self._connections = HttpConnections(environ, _CONNECT, read_timeout)
        self._has_given_up = False
        self._has_warned = False
        self._of_thread = threading.local()

    def call(self, method: str, path: str, *, query: Mapping[str, Any] | None = None, body: Any = None) -> Any:
        """Return the JSON of the platform's answer.

        Errors: PlatformUnreachableError, PlatformAuthError, PlatformResponseError with the answer's status.
        """
        url = f"{self.endpoint}/api/v1{path}" + (f"?{urlencode(query)}" if query else "")
        data = None if body is None else encode_json(body)
        used = self.tokens.make_header()
        answer = self._send_with_retries(method, url, data, "application/json", used)
        if self._is_unknown(answer, used):
            self.tokens.renew(used)
            used = self.tokens.make_header()
            answer = self._send_with_retries(method, url, data, "application/json", used)
            if self._is_unknown(answer, used):
                self.tokens.renew(used)  # which names what was not accepted, unless another place has credentials
                answer = self._send_with_retries(method, url, data, "application/json", self.tokens.make_header())
        self._check_level(answer.headers.get("x-api-level", ""))
        return self._decode_answer(method, path, answer)

    @staticmethod
    def _is_unknown(answer: HttpAnswer, signed: str) -> bool:
        """Return whether the platform does not know the caller: it answers 403 to a wrong password, and without any."""
        return answer.status == 401 or (answer.status == 403 and not signed.startswith("Bearer "))

    def forget_threads(self) -> None:
        """Take new locks: in a forked process the present ones may be held by threads that are not there."""
        self._connections.forget_threads()
        self.tokens.forget_threads()

    def close(self) -> None:
        """Close the connections."""
        self._connections.close()

    def _ask(self, url: str, form: Mapping[str, str] | None) -> Any:
        _check_port(url, "the issuer of tokens")
        data = urlencode(form).encode() if form is not None else None
        method, kind = ("GET", "") if form is None else ("POST", "application/x-www-form-urlencoded")
        return self._decode_answer(method, url, self._send_with_retries(method, url, data, kind, ""))

    def _send_with_retries(self, method: str, url: str, data: bytes | None, kind: str, signed: str) -> HttpAnswer:
        """Return the answer to one call. Repeat it after a broken connection or a temporary failure.

        Repeating is safe: ids are made here, so Core recognises a second POST of one entity by its id.
        """
        headers = {"Accept": "application/json", "User-Agent": "ovenbird"}
        headers |= ({"Authorization": signed} if signed else {}) | ({"Content-Type": kind} if kind else {})
        began, pause, failures = time.monotonic(), _FIRST_PAUSE, 0
        self._of_thread.repeated = False
        while True:
            wish, answer = 0.0, None
            try:
                answer = self._connections.call(method, url, data, headers)
                if answer.status not in _AGAIN:
                    self._has_given_up = False
                    return answer
                failures += answer.status == 500
                if failures == _MOST_FAILURES:  # it does not pass: Core's database does not take what was sent
                    self._has_given_up = False
                    return answer
                reason, wish = f"it answered {answer.status}", _parse_retry_after(answer.headers.get("retry-after", ""))
            except CertificateError as error:
                hint = "`SSL_CERT_FILE` names the certificates to trust"
                raise PlatformUnreachableError(f"{self._redact_path(url)}: {error}", hint=hint) from None
            except HttpCallError as error:
                reason = str(error)
            wait = max(min(wish, _LONGEST_WISH), pause * random.uniform(0.7, 1.3))  # noqa: S311  # spreads clients
            if self._has_given_up or time.monotonic() + wait > began + self.patience:
                self._has_given_up = (
                    answer is None
                )  # the next call then fails at once: a run must still come to its end
                if answer is not None:
                    return answer
                hint = "`DHCORE_ENDPOINT` says where it is; `OVENBIRD_PLATFORM=local` does without it"
                raise PlatformUnreachableError(f"{self._redact_path(url)} does not answer: {reason}", hint=hint)
            if pause == _FIRST_PAUSE:
                _log.warning("%s: %s; trying again", self._redact_path(url), reason)
            time.sleep(wait)
            self._of_thread.repeated = True
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _decode_answer(self, method: str, path: str, answer: HttpAnswer) -> Any:
        request = f"{method} {self._redact_path(path)}"
        if answer.status in (401, 403):
            signed_in = answer.status == 403 and bool(self.tokens.make_header())
            hint = "the credentials are valid, and do not allow this" if signed_in else "log in again"
            raise PlatformAuthError(f"{request} was denied ({answer.status}): {self._read_reason(answer)}", hint=hint)
        if not 200 <= answer.status < 300:
            message = f"{request} failed ({answer.status}): {self._read_reason(answer)}"
            if answer.status in _AGAIN and answer.status != 500:
                raise PlatformUnreachableError(message)
            raise PlatformResponseError(message, status=answer.status, repeated=self._of_thread.repeated)
        if not answer.data:
            return {}
        try:
            return msgspec.json.decode(answer.data)
        except msgspec.MsgspecError:
            kind = answer.headers.get("content-type", "nothing")
            raise PlatformResponseError(
                f"{request}: the answer is {kind}, not JSON", hint="does `DHCORE_ENDPOINT` lead to the platform itself?"
            ) from None

    def _read_reason(self, answer: HttpAnswer) -> str:
        """Return the reason in an answer, in one line and without secrets: servers repeat what they were given."""
        text = answer.data.decode("utf-8", "replace")
        if title := re.search("<title>([^<]*)</title>", text):
            text = title[1]
        try:
            document = msgspec.json.decode(answer.data)
            text = str(document.get("message") or document.get("error_description") or document.get("error") or text)
        except (msgspec.MsgspecError, AttributeError):
            pass
        return redact_text(self.tokens.redact(explain_refusal(" ".join(text.split()))))[:300]

    def _redact_path(self, url: str) -> str:
        return redact_url(url.partition("?")[0])

    def _check_level(self, level: str) -> None:
        number = read_whole(level, LEVELS[0])
        if LEVELS[0] <= number <= LEVELS[1]:
            return
        warning = f"the platform's API is at level {level}; known are {LEVELS[0]} to {LEVELS[1]}"
        if number < LEVELS[0]:
            raise PlatformResponseError(warning, hint="the platform is too old for this version of Ovenbird")
        if not self._has_warned:
            self._has_warned = True
            _log.warning("%s; a newer Ovenbird may be needed", warning)


def _check_port(url: str, server: str) -> None:
    """Raise SettingsError for a URL of a server that no connection can be made to."""
    if reason := describe_bad_port(url):
        raise SettingsError(f"{server} cannot be at {show_value(redact_url(url))}: {reason}", hint=PORT_HINT)


def explain_refusal(text: str) -> str:
    """Return which field breaks which rule, without the names of Java's methods that Core puts around it."""
    if fields := _FIELD.findall(text):
        return "; ".join(f"{name}: {rule} (found {value})" for name, value, rule in fields)
    if match := _VALUE.search(text):
        return f"{match['name'] or 'a field'}: {match['value']} is none of {match['known']}"
    return _CLASS.sub(r"\1", text)


def _parse_retry_after(text: str) -> float:
    """Return seconds of a Retry-After header; 0 for none, and for a date, which clocks that differ make useless."""
    return float(read_whole(text, 0))
