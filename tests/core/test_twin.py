"""The double is Core's twin: it answers word for word what a running Core 0.15.1 has answered."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import urllib3

from tests.core.lifecycle import WAYS
from tests.core.server import Double

_LINES = [json.loads(line) for line in Path(__file__).with_name("conversations.jsonl").read_text("utf-8").splitlines()]
_PLACEHOLDERS = re.compile(r"<(?:time|name|id|token|endpoint|personal token)>")
_FIRST_MOVED = 111  # the id of the first run that was made to see where a PUT leads


class _Conversation:
    """The exchanges, repeated in their order; `differences` lists other answers."""

    def __init__(self, core: Double) -> None:
        self.core, self.differences = core, list[str]()
        self._http = urllib3.PoolManager(retries=False)
        self._tokens: dict[str, str] = {}
        self._moved = 0

    def close(self) -> None:
        self._http.clear()

    def play(self, number: int, line: dict[str, Any]) -> None:
        if "from" in line:
            answer = self._move(line["from"], line["to"])
            self._compare(number, line, "state", line["state"], answer["status"]["state"])
            return
        body = self._fill(line.get("body"))
        status, headers, answer = self.call(
            line["method"], line["path"], line.get("auth", "basic"), body, line.get("form")
        )
        self._compare(number, line, "status", line["status"], status)
        challenge = headers.get("WWW-Authenticate")
        self._compare(number, line, "WWW-Authenticate", line.get("www_authenticate"), challenge)
        if "content_type" in line:
            self._compare(number, line, "Content-Type", line["content_type"], headers.get("Content-Type"))
        self._compare(number, line, "answer", line["answer"], _shorten(line["answer"], answer))
        if isinstance(answer, dict) and answer.get("access_token"):
            name = "personal token" if line["path"].endswith("/personal") else "exchanged token"
            self._tokens[name] = answer["access_token"]

    def call(self, method: str, path: str, auth: str | None, body: Any, form: Any = None) -> tuple[int, Any, Any]:
        headers, data = self._sign(auth), None
        if form is not None:
            data = urlencode({name: self._fill(value) for name, value in form.items()})
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        elif body is not None:
            data, headers["Content-Type"] = json.dumps(body), "application/json"
        response = self._http.request(method, self.core.url + path, body=data, headers=headers, timeout=30)
        text = response.data.decode()
        try:
            return response.status, response.headers, json.loads(text) if text else None
        except ValueError:
            return response.status, response.headers, text

    def _sign(self, auth: str | None) -> dict[str, str]:
        user, password = self.core.auth.user, self.core.auth.password
        if auth in ("basic", "wrong password"):
            text = f"{user}:{password if auth == 'basic' else 'wrong'}"
            return {"Authorization": "Basic " + b64encode(text.encode()).decode()}
        return {"Authorization": f"Bearer {self._tokens.get(auth, auth)}"} if auth else {}

    def _fill(self, value: Any) -> Any:
        if value == "<personal token>":
            return self._tokens["personal token"]
        if value == "a list of 120":
            return [{"path": f"f{number:03}.csv", "name": f"f{number:03}.csv", "size": 3} for number in range(120)]
        return value

    def _move(self, before: str, after: str) -> Any:
        """Make a run, take it to a state, and ask for another; the answer."""
        identity = f"{_FIRST_MOVED + self._moved:032}"
        self._moved += 1
        body = next(line["body"] for line in _LINES if line["say"] == "a run of here")
        body = json.loads(json.dumps(body).replace(f"{100:032}", identity))
        self.call("POST", "/api/v1/-/talk/runs", "basic", body)
        answer: Any = {}
        for state in (*WAYS[before], after):
            moved = {**body, "status": {"state": state}}
            _, _, answer = self.call("PUT", f"/api/v1/-/talk/runs/{identity}", "basic", moved)
        return answer

    def _compare(self, number: int, line: dict[str, Any], part: str, expected: Any, actual: Any) -> None:
        if not self._matches(expected, actual):
            self.differences.append(
                f"line {number}, {line['say']}: {part} is\n{json.dumps(actual)}\nnot\n{json.dumps(expected)}"
            )

    def _matches(self, expected: Any, actual: Any) -> bool:
        if isinstance(expected, dict):
            return (
                isinstance(actual, dict)
                and set(expected) == set(actual)
                and all(self._matches(value, actual[name]) for name, value in expected.items())
            )
        if isinstance(expected, list):
            same = isinstance(actual, list) and len(expected) == len(actual)
            return same and all(map(self._matches, expected, actual))
        if not isinstance(expected, str) or not (_PLACEHOLDERS.search(expected) or "..." in expected):
            return type(expected) is type(actual) and bool(expected == actual)
        if expected == "<time>":
            return bool(actual)
        pattern = re.escape(expected.replace("<endpoint>", self.core.url)).replace(re.escape("..."), ".*")
        return isinstance(actual, str) and re.fullmatch(_PLACEHOLDERS.sub(".+", pattern), actual, re.DOTALL) is not None


def _shorten(expected: Any, answer: Any) -> Any:
    """Shorten a long list of files in an answer to its recorded form."""
    if not (isinstance(expected, dict) and isinstance(expected.get("content"), str) and isinstance(answer, dict)):
        return answer
    content = answer["content"]
    return {**answer, "content": f"{len(content)} entries, the first {content[0]['path']}"}


@pytest.fixture
def conversation() -> Any:
    core = Double()
    core.auth.mode = "basic"
    playing = _Conversation(core)
    yield playing
    playing.close()
    core.close()


def test_every_exchange(conversation: _Conversation) -> None:
    """Status, WWW-Authenticate and the whole answer of every recorded exchange are the same."""
    assert len(_LINES) == 177
    for number, line in enumerate(_LINES, 1):
        conversation.play(number, line)
    assert not conversation.differences, "\n\n".join(conversation.differences)


@pytest.mark.parametrize(
    ("expected", "actual"),
    [({"a": 1}, {"a": 1, "b": 2}), ({"a": 1}, {"a": True}), ("md5:<id>", "sha:1"), ([1], [1, 2]), (None, {}), (1.0, 1)],
    ids=["more", "bool", "text", "longer", "empty", "int"],
)
def test_a_difference_is_detected(conversation: _Conversation, expected: Any, actual: Any) -> None:
    """Values are compared completely."""
    conversation._compare(1, {"say": "x"}, "answer", expected, actual)
    assert conversation.differences
