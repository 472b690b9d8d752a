"""When to send a call again: never one that may have been executed, unless it is idempotent."""

from __future__ import annotations

import random

from .answer import Answer
from .errors import AnswerInterruptedError, CertificateError, ClientError, ConnectionFailedError

_IDEMPOTENT = frozenset(("GET", "HEAD", "OPTIONS", "PUT", "DELETE"))  # RFC 9110 9.2.2
_NOT_NOW = (429, 503)
_UNKNOWN = (502, 503, 504)  # the service, or a proxy before it, does not know how the call ended
_FIRST, _LONGEST = 0.1, 5.0  # seconds to wait where the service does not say how long


def is_idempotent(method: str, is_asked: bool) -> bool:
    """Return whether a request may be executed twice: by its method, or because the caller says so."""
    return is_asked or method in _IDEMPOTENT


def choose_pause(
    outcome: Answer | ClientError, attempt: int, *, idempotent: bool, repeatable: bool
) -> float | None:  # fmt: skip
    """Return the seconds to wait before a request is sent again after `outcome`; None if it must not be.

    `attempt` counts from 0. `repeatable`: the body can be read a second time.
    """
    if not isinstance(outcome, ClientError):
        return _pause_after_answer(outcome, attempt, idempotent=idempotent) if repeatable else None
    if isinstance(outcome, ConnectionFailedError) or repeatable:
        return _pause_after_error(outcome, attempt, idempotent=idempotent)
    return None


def _pause_after_error(error: ClientError, attempt: int, *, idempotent: bool) -> float | None:
    if isinstance(error, CertificateError):
        return None
    if isinstance(error, ConnectionFailedError) or (idempotent and isinstance(error, AnswerInterruptedError)):
        return _back_off(attempt)
    return None


def _pause_after_answer(answer: Answer, attempt: int, *, idempotent: bool) -> float | None:
    if answer.status < 429:
        return None
    seconds = answer.retry_after
    if answer.status in _NOT_NOW and seconds is not None and (idempotent or not answer.may_have_run):
        return max(seconds, 0.01)
    return _back_off(attempt) if idempotent and answer.status in _UNKNOWN else None


def _back_off(attempt: int) -> float:
    return float(min(_LONGEST, _FIRST * 2 ** min(attempt, 10))) * random.uniform(0.5, 1.0)  # noqa: S311  # so that clients spread
