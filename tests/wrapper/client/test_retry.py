"""When a call is sent again, as a plan."""

from __future__ import annotations

import pytest

from ovenbird.client.answer import Answer, parse_retry_after
from ovenbird.client.errors import AnswerInterruptedError, CertificateError, ClientTimeoutError, ConnectionFailedError
from ovenbird.client.retry import choose_pause


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("3", 3), (" 0 ", 0), ("Thu, 01 Jan 1970 00:01:40 GMT", 40), ("Thu, 01 Jan 1970 00:00:10 GMT", 0),
        ("", None), ("soon", None), ("-1", None), ("1.5", None), ("9" * 400, None), ("٣", None),
        ("Thu, 99 Jan 1970 00:00:10 GMT", None), ("Thu, 01 Jan 99999 00:00:10 GMT", None),
    ],
)  # fmt: skip
def test_retry_after(text: str, seconds: float | None) -> None:
    """Seconds or a date, at 60 s after the epoch; anything else is as if it were not there."""
    assert parse_retry_after(text, now=60) == seconds


@pytest.mark.parametrize(
    ("error", "idempotent", "repeatable", "again"),
    [
        (ConnectionFailedError("x"), False, False, True),
        (CertificateError("x"), True, True, False),
        (AnswerInterruptedError("x"), False, True, False),
        (AnswerInterruptedError("x"), True, True, True),
        (AnswerInterruptedError("x"), True, False, False),
        (ClientTimeoutError("x"), True, True, False),
    ],
)
def test_failures(error: Exception, idempotent: bool, repeatable: bool, again: bool) -> None:
    """Only where nothing was sent, or where sending twice does no harm."""
    pause = choose_pause(error, 2, idempotent=idempotent, repeatable=repeatable)  # type: ignore[arg-type]
    assert (pause is not None) is again


def test_answers() -> None:
    """`Retry-After` counts for 429 and 503; a body that cannot be read twice is not sent twice."""
    later = {"retry-after": "7"}
    assert choose_pause(Answer(503, later, b""), 0, idempotent=False, repeatable=True) == 7
    assert choose_pause(Answer(503, later, b""), 0, idempotent=False, repeatable=False) is None
    assert choose_pause(Answer(500, later, b""), 0, idempotent=True, repeatable=True) is None
    assert choose_pause(Answer(200, later, b""), 0, idempotent=True, repeatable=True) is None


def test_pauses_grow_to_a_limit() -> None:
    """From a tenth of a second, doubled, to five seconds."""
    pauses = [
        choose_pause(ConnectionFailedError("x"), attempt, idempotent=False, repeatable=True) for attempt in range(2000)
    ]
    assert all(pause is not None and 0.05 <= pause <= 5 for pause in pauses)
