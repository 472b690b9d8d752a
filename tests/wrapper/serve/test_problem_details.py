"""Problem documents and the `Retry-After` header."""

from __future__ import annotations

import json

import pytest

from ovenbird.serve.problem_details import HttpProblem, problem_response, retry_after


def test_document() -> None:
    """A problem holds what RFC 9457 asks for, and further members."""
    reply = problem_response(422, "does not fit", errors=[{"field": "a"}])
    assert json.loads(reply.body) == {
        "type": "about:blank", "title": "Unprocessable Entity", "status": 422, "detail": "does not fit",
        "errors": [{"field": "a"}],
    }  # fmt: skip
    assert dict(reply.headers)[b"content-length"] == b"%d" % len(reply.body)


def test_unknown_status() -> None:
    """A status without a name has a title all the same."""
    assert json.loads(problem_response(499, "left").body)["title"] == "Error"


def test_headers() -> None:
    """Headers of a problem are in its reply."""
    assert (b"retry-after", b"3") in HttpProblem(503, "full", headers=retry_after(3)).reply().headers


@pytest.mark.parametrize(("seconds", "text"), [(0.0, b"1"), (0.4, b"1"), (1.6, b"2"), (60.0, b"60")])
def test_retry_after(seconds: float, text: bytes) -> None:
    """`Retry-After` is in whole seconds, at least one, so that no client repeats its call at once."""
    assert retry_after(seconds) == ((b"retry-after", text),)
