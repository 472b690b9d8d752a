"""Forms as browsers send them: inputs of every type, filled in, ticked and left empty."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from tests.raw import run_service
from tests.service import Service

SOURCE = """
import datetime
from dataclasses import dataclass
from typing import Literal

from starlette.datastructures import UploadFile


@dataclass
class Profile:
    name: str
    age: int | None = None
    news: bool = False
    at: datetime.datetime | None = None


def handler(
    name: str = "nobody", age: int = 7, height: float | None = None, news: bool = False, note: str | None = None,
    at: datetime.datetime | None = None, start: datetime.time | None = None, day: datetime.date | None = None,
    week: str = "", tags: list[str] | None = None, counts: list[int] = [], color: Literal["red", ""] = "red",
    file: UploadFile | None = None, files: list[UploadFile] = [],
):
    return {
        "name": name, "age": age, "height": height, "news": news, "note": note, "at": at, "start": start, "day": day,
        "week": week, "tags": tags, "counts": counts, "color": color, "file": file and file.filename,
        "files": [one.filename for one in files],
    }


def profile(profile: Profile):
    return profile


def needed(age: int, height: float | None, counts: list[int]):
    return [age, height, counts]
"""
DEFAULTS = {
    "name": "nobody", "age": 7, "height": None, "news": False, "note": None, "at": None, "start": None, "day": None,
    "week": "", "tags": None, "counts": [], "color": "red", "file": None, "files": [],
}  # fmt: skip
Pairs = list[tuple[str, str]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = tmp_path_factory.mktemp("browser") / "main.py"
    path.write_text(SOURCE)
    return path


@pytest.fixture(scope="module")
def service(folder: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with run_service(tmp_path_factory, str(folder)) as server:
        yield server


def answers_by_encoding(service: Service, pairs: Pairs) -> list[Any]:
    """The answers to the same fields as a form, a multipart body and a query."""
    query = str(httpx.QueryParams(pairs))
    form = service.post(content=query, headers={"content-type": "application/x-www-form-urlencoded"})
    parts = "".join(f'--b\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in pairs) + "--b--\r\n"
    multi = service.post(content=parts.encode(), headers={"content-type": "multipart/form-data; boundary=b"})
    return [form, multi, service.get(f"/?{query}")]


@pytest.mark.parametrize(("pairs", "changed"), [
    ([("age", ""), ("height", ""), ("at", ""), ("start", ""), ("day", ""), ("news", ""), ("counts", "")], {}),
    ([("name", ""), ("note", ""), ("week", ""), ("color", "")], {"name": "", "note": "", "color": ""}),
    ([("age", ""), ("age", "3")], {"age": 3}),
    ([("news", "on")], {"news": True}), ([("news", "On")], {"news": True}), ([("news", "off")], {"news": False}),
    ([("news", "yes")], {"news": True}), ([("news", "true")], {"news": True}), ([("news", "0")], {"news": False}),
    ([("at", "2024-01-02T03:04")], {"at": "2024-01-02T03:04:00"}),
    ([("at", "2024-01-02T03:04:05")], {"at": "2024-01-02T03:04:05"}),
    ([("at", "2024-01-02T03:04Z")], None), ([("at", "2024-01-02T03:04:05Z")], {"at": "2024-01-02T03:04:05Z"}),
    ([("start", "03:04")], {"start": "03:04:00"}), ([("start", "03:04:05")], {"start": "03:04:05"}),
    ([("day", "2024-01-02")], {"day": "2024-01-02"}), ([("day", "2024-05")], {"day": "2024-05-01"}),
    ([("day", "2024-W01")], {"day": "2024-01-01"}), ([("day", "2024-W54")], None), ([("day", "2024-13")], None),
    ([("week", "2024-W05")], {"week": "2024-W05"}),
    ([("tags", "a"), ("tags", "b")], {"tags": ["a", "b"]}), ([("tags", "a")], {"tags": ["a"]}),
    ([("tags", ""), ("tags", "b")], {"tags": ["", "b"]}), ([("counts", "1"), ("counts", "")], {"counts": [1]}),
    ([("_charset_", "UTF-8"), ("age", "1")], {"age": 1}),
    ([("age", "x")], None), ([("news", "maybe")], None), ([("start", "3:4")], None), ([("other", "")], None),
])  # fmt: skip
def test_fields(service: Service, pairs: Pairs, changed: dict[str, Any] | None) -> None:
    """The same for forms, multipart bodies and queries; None: a 422."""
    for answer in answers_by_encoding(service, pairs):
        if changed is None:
            assert answer.status_code == 422, answer.text
        else:
            assert answer.json() == {**DEFAULTS, **changed}


def test_json_is_used_unchanged(service: Service) -> None:
    """These are rules for forms: a JSON text that is empty or `on` is no number and no boolean."""
    for body in ({"age": ""}, {"news": "on"}, {"start": "03:04"}, {"day": "2024-05"}):
        assert service.call(body).status_code == 422, body


def test_files_that_were_not_chosen(service: Service) -> None:
    """An empty file input is no file; one that was chosen is, even when it is empty."""
    empty = (
        b'--b\r\nContent-Disposition: form-data; name="%s"; filename=""\r\n'
        b"Content-Type: application/octet-stream\r\n\r\n\r\n"
    )
    media = {"content-type": "multipart/form-data; boundary=b"}
    body = empty % b"file" + empty % b"files" + b"--b--\r\n"
    assert service.post(content=body, headers=media).json() == DEFAULTS
    chosen = [("file", ("a.txt", b"")), ("files", ("b.txt", b"1")), ("files", ("c.txt", b"2"))]
    answer = service.post(files=chosen).json()
    assert (answer["file"], answer["files"]) == ("a.txt", ["b.txt", "c.txt"])


def test_fields_of_a_class(folder: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The same rules hold for the fields of a lone parameter's class."""
    with run_service(tmp_path_factory, f"{folder}:profile") as service:
        empty = [("name", "ada"), ("age", ""), ("at", ""), ("_charset_", "UTF-8")]
        for answer in answers_by_encoding(service, empty):
            assert answer.json() == {"name": "ada", "age": None, "news": False, "at": None}
        for answer in answers_by_encoding(service, [("name", ""), ("news", "on"), ("at", "2024-01-02T03:04")]):
            assert answer.json() == {"name": "", "age": None, "news": True, "at": "2024-01-02T03:04:00"}


def test_fields_that_are_needed(folder: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A field that was left empty is missing, unless its type has a value for empty text."""
    with run_service(tmp_path_factory, f"{folder}:needed") as service:
        for answer in answers_by_encoding(service, [("age", ""), ("height", ""), ("counts", "")]):
            assert answer.json()["errors"] == [{"field": "age", "message": "missing"}]
        for answer in answers_by_encoding(service, [("age", "1"), ("height", ""), ("counts", "")]):
            assert answer.json() == [1, None, []]


def test_escapes_hold_bytes_of_the_charset(service: Service) -> None:
    """A form in another charset, as its page asked for, is read in it."""
    for charset, text in (("iso-8859-1", "%E9t%E9"), ("utf-8", "%C3%A9t%C3%A9"), ("shift_jis", "%82%A0")):
        media = {"content-type": f"application/x-www-form-urlencoded; charset={charset}"}
        expected = "あ" if charset == "shift_jis" else "été"
        assert service.post(content=f"name={text}", headers=media).json()["name"] == expected


def test_a_multipart_body_that_ends_before_its_first_part(service: Service) -> None:
    """Such a body is cut off and refused; a body without any bytes is an empty form."""
    media = {"content-type": "multipart/form-data; boundary=b"}
    assert service.post(content=b"", headers=media).json() == DEFAULTS
    for body in (b"--b", b"--b\r\n", b"--b\r\nContent-Disp"):
        assert service.post(content=body, headers=media).status_code == 400, body
    assert service.post(content=b"--b--\r\n", headers=media).json() == DEFAULTS
