"""The OpenAPI document says what the binding does."""

from __future__ import annotations

from typing import Any

import msgspec
import openapi_spec_validator
import pytest
from tests.loading import Project

from ovenbird.serve.openapi import document

HEAD = """
import datetime, decimal, enum, pathlib, uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Optional, TypedDict
import msgspec, numpy, pandas, pydantic
from starlette.datastructures import UploadFile
from starlette.requests import Request
from ovenbird import CloudEvent, Response

class Colour(enum.Enum):
    RED = "red"
class Item(msgspec.Struct):
    name: str
    tags: list[str] = []
@dataclass
class Order:
    items: list[Item]
    day: datetime.date = datetime.date(2024, 1, 1)
class Loose(TypedDict, total=False):
    a: int
class Model(pydantic.BaseModel):
    inner: "Inner"
class Inner(pydantic.BaseModel):
    n: int = pydantic.Field(gt=0)
class Tree(msgspec.Struct):
    children: "list[Tree]" = []
class Problem(msgspec.Struct):
    mine: int
"""
HANDLERS = [
    "def handler(): ...",
    "def handler(event, context): ...",
    "def handler(request: Request): ...",
    "def handler(body: bytes) -> bytes: ...",
    "def handler(payload): ...",
    "def handler(order: Order) -> Order: ...",
    "def handler(item: Item | None = None) -> Item | None: ...",
    "def handler(data: Loose) -> str: ...",
    "def handler(data: Model) -> Model: ...",
    "def handler(data: list[Tree]) -> dict[str, Tree]: ...",
    "def handler(problem: Problem) -> Problem: ...",
    "def handler(a: int, b: str = 'x', c: Optional[float] = None, **rest) -> None: ...",
    "def handler(a: Literal['x', 'y'], b: Colour = Colour.RED, c: uuid.UUID = None, d: decimal.Decimal = 1): ...",
    "def handler(a: Annotated[int, msgspec.Meta(gt=0)], b: Annotated[int, pydantic.Field(lt=5)] = 1): ...",
    "def handler(model: Model, order: Order, n: int = 1): ...",
    "def handler(tags: list[str], when: datetime.datetime = datetime.datetime.now(datetime.timezone.utc)): ...",
    "def handler(file: UploadFile, more: list[UploadFile], maybe: UploadFile | None = None, n: int = 1): ...",
    "def handler(table: pandas.DataFrame, array: numpy.ndarray, path: pathlib.Path = pathlib.Path('x')): ...",
    "def handler(e: CloudEvent) -> Response: ...",
    "def handler(e: CloudEvent, order: Order) -> tuple[dict, int]: ...",
    "async def handler(n: int) -> AsyncIterator[str]:\n    yield ''",
    "def handler(n: int = object()): ...",
    "class handler:\n    '''A class.'''\n    def __call__(self, n: int) -> int: ...",
    "from starlette.applications import Starlette\nhandler = Starlette()",
]


def documented(project: Project, text: str) -> dict[str, Any]:
    """The document of a handler, through JSON as a client reads it."""
    found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(document(project.handler(HEAD + text))))
    return found


@pytest.mark.parametrize("text", HANDLERS)
def test_the_document_is_valid(project: Project, text: str) -> None:
    """OpenAPI 3.1 by its own schema, all references resolved, for every kind of handler."""
    found = documented(project, text)
    openapi_spec_validator.validate(found)
    assert found["openapi"] == "3.1.0"


def operation(project: Project, text: str) -> dict[str, Any]:
    found: dict[str, Any] = documented(project, text)["paths"]["/"]["post"]
    return found


def test_fields_are_a_body_and_a_query(project: Project) -> None:
    """Fields may come as JSON, as a form, or as a query; required ones and defaults are told."""
    found = documented(project, "def handler(a: int, b: str = 'x'): '''Add.\n\nMore.'''")
    post, get = found["paths"]["/"]["post"], found["paths"]["/"]["get"]
    schema = post["requestBody"]["content"]["application/json"]["schema"]
    assert schema["properties"] == {"a": {"type": "integer"}, "b": {"type": "string", "default": "x"}}
    assert (schema["required"], schema["additionalProperties"]) == (["a"], False)
    assert "application/x-www-form-urlencoded" in post["requestBody"]["content"]
    assert [(row["name"], row["in"], row["required"]) for row in get["parameters"]] == [
        ("a", "query", True), ("b", "query", False),
    ]  # fmt: skip
    assert (post["summary"], set(post["responses"])) == ("Add.", {"200", "400", "422", "500"})


def test_structured_fields_are_no_query(project: Project) -> None:
    """A class beside other fields has no place in a query."""
    assert "get" not in documented(project, "def handler(order: Order, n: int): ...")["paths"]["/"]


def test_rest_takes_further_fields(project: Project) -> None:
    """**kwargs is additionalProperties."""
    content = operation(project, "def handler(a: int, **rest): ...")["requestBody"]["content"]
    assert content["application/json"]["schema"]["additionalProperties"] is True


def test_a_class_of_the_users_may_be_called_problem(project: Project) -> None:
    """The runtime's own schema does not get in its way."""
    found = documented(project, "def handler(problem: Problem): ...")
    assert "mine" in found["components"]["schemas"]["Problem"]["properties"]
    assert "error_id" in found["components"]["schemas"]["ProblemDocument"]["properties"]


@pytest.mark.parametrize(
    ("hint", "status", "content"),
    [
        ("None", "204", None),
        ("str", "200", "text/plain"),
        ("bytes", "200", "application/octet-stream"),
        ("dict", "200", "application/json"),
        ("Item | None", "200", "application/json"),
        ("tuple[dict, int]", "200", None),
        ("Response", "200", None),
    ],
)
def test_the_result_is_told_as_it_is_sent(project: Project, hint: str, status: str, content: str | None) -> None:
    """The media type is that of the answer; a hint that tells nothing of the body promises nothing."""
    responses = operation(project, f"def handler() -> {hint}: ...")["responses"]
    assert list(responses[status].get("content", [])) == ([content] if content else [])
    assert list(responses) == [status, "500"]


def test_files_and_events_have_their_media_types(project: Project) -> None:
    """Uploads come as multipart, CloudEvents in structured mode."""
    body = operation(project, "def handler(file: UploadFile, n: int = 1): ...")["requestBody"]
    assert list(body["content"]) == ["multipart/form-data"]
    assert list(operation(project, "def handler(e: CloudEvent): ...")["requestBody"]["content"]) == [
        "application/cloudevents+json"
    ]
    assert "requestBody" not in operation(project, "def handler(event): ...")
