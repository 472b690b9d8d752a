"""An answer: its status, headers and body, what these mean, and the error that it may be."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from functools import cached_property
from http import HTTPStatus
from typing import Any

from ..common.text import show_value
from . import decoding
from .errors import AnswerDecodeError, StatusError, class_of_status

_PROBLEM = "application/problem+json"


class Answer:
    """An answer that has arrived: `status`, `headers` (names in lower case) and `body`, the bytes as they came."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status = status
        self.headers = dict(headers)
        self.body = body

    def __repr__(self) -> str:
        kind = self.headers.get("content-type", "no media type")
        return f"<Answer {self.status}, {kind}, {len(self.body)} bytes>"

    @property
    def media_type(self) -> str:
        """Return the media type, in lower case and without parameters."""
        return decoding.media_type_of(self.headers.get("content-type", ""))

    @cached_property
    def value(self) -> Any:
        """Return the body as a value, by its media type: JSON, text, a list of lines or events, bytes, None.

        Errors: AnswerDecodeError.
        """
        return None if self.status == 204 else decoding.decode_body(self.body, self.headers.get("content-type", ""))

    @property
    def text(self) -> str:
        """Return the body as text."""
        return decoding.decode_text(self.body, self.headers.get("content-type", ""))

    def json(self) -> Any:
        """Return the body as JSON, whatever its media type. Errors: AnswerDecodeError."""
        return decoding.parse_json(self.body)

    @property
    def members(self) -> dict[str, Any]:
        """Return the members of a body that is a JSON object; empty for any other body."""
        if not decoding.is_json(self.media_type):
            return {}
        try:
            members = self.value
        except AnswerDecodeError:
            return {}
        return members if isinstance(members, dict) else {}

    @property
    def retry_after(self) -> float | None:
        """Return the seconds that `Retry-After` names; None without a valid one."""
        return parse_retry_after(self.headers.get("retry-after", ""))

    @property
    def may_have_run(self) -> bool:
        """Return whether the call may have been executed, although the answer is 503."""
        return self.members.get("may_have_run") is True


def make_status_error(
    answer: Answer,
    where: str,
    hide: Callable[[str], str],
    error_types: Mapping[str, type[StatusError]],
) -> StatusError:
    """Return the error that an answer is. `where` names the request; `hide` removes credentials from text."""
    members = answer.members if answer.media_type == _PROBLEM else {}
    if not members and isinstance(answer.members.get("detail"), str):
        members = {"detail": answer.members["detail"]}  # as FastAPI and others write it
    kind = error_types.get(str(members.get("type")), class_of_status(answer.status))
    title = members.get("title") or _phrase_of(answer.status)
    message = f"{where} was answered {answer.status} {title}"
    location = answer.headers.get("location", "")
    if 300 <= answer.status < 400 and location:
        message += f"; it points to {show_value(location)}, which is not followed"
    elif members.get("detail"):
        message += f": {members['detail']}"
    elif answer.body and not members:
        message += f": {show_value(answer.text[:200])}"
    error = kind(hide(message), answer.status, {"title": title, **members}, answer.headers, answer.body)
    if error.errors:
        listed = "; ".join(f"{field}: {text}" for field, text in error.errors[:5])
        more = f" and {len(error.errors) - 5} more" if len(error.errors) > 5 else ""
        error.message = f"{error.message}: {hide(listed)}{more}"
        error.args = (error.message,)
    if error.error_id:
        error.hint = f"`{error.error_id}` finds the reason in the log of the service"
    error.retry_after = answer.retry_after
    return error


def parse_retry_after(text: str, now: float | None = None) -> float | None:
    """Return the seconds that a `Retry-After` header names, as a number or as a date; None without a valid one."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        return float(text) if len(text) < 10 else None
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return max(0.0, moment.timestamp() - (time.time() if now is None else now))


def _phrase_of(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
