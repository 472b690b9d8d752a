"""The OpenAPI document says what the binding does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import openapi_spec_validator
import pytest
from jsonschema import Draft202012Validator
from tests.loading import Project
from tests.service import Service

from ovenbird.function.cloudevent import from_json
from ovenbird.serve.observability.openapi import make_document
from ovenbird.serve.response.serialize import reply_to

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
class Limits(msgspec.Struct):
    default: Optional[float] = float("inf")
    table: dict[str, float] = msgspec.field(default_factory=lambda: {"a": float("nan")})
class Wide(pydantic.BaseModel):
    x: float = pydantic.Field(float("inf"), ge=float("-inf"))
    y: dict[str, float] = {"a": float("nan")}
    z: list[float] = pydantic.Field([], examples=[[float("inf")]])
class Aliased(pydantic.BaseModel):
    full: str = pydantic.Field(alias="fullName")
    secret: int = pydantic.Field(3, exclude=True)
    inner: Inner = Inner(n=1)
    @pydantic.computed_field
    @property
    def size(self) -> int:
        return len(self.full)
class AsAliased(Aliased):
    model_config = {"serialize_by_alias": True, "populate_by_name": True}
class Word(str): ...
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
    "def handler(x: float = float('inf'), y: float = float('nan'), z: list[float] = [1.0, float('inf')]): ...",
    "def handler(limits: Limits, wide: Wide = Wide()) -> Limits: ...",
    "def handler(text: str = '\\ud83d'): ...",
    "def handler(a: Aliased) -> Aliased: ...",
    "def handler(a: list[Aliased]) -> dict[str, Aliased]: ...",
    "def handler() -> pandas.DataFrame: ...",
    "class handler:\n    '''A class.'''\n    def __call__(self, n: int) -> int: ...",
    "from starlette.applications import Starlette\nhandler = Starlette()",
]


def openapi_of(project: Project, text: str) -> dict[str, Any]:
    """The document of a handler, through JSON as a client reads it."""
    api: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(make_document(project.handler(HEAD + text))))
    return api


@pytest.mark.parametrize("text", HANDLERS)
def test_the_document_is_valid(project: Project, text: str) -> None:
    """OpenAPI 3.1 by its own schema, all references resolved, for every kind of handler."""
    api = openapi_of(project, text)
    openapi_spec_validator.validate(api)
    assert api["openapi"] == "3.1.0"


def operation(project: Project, text: str) -> dict[str, Any]:
    post: dict[str, Any] = openapi_of(project, text)["paths"]["/"]["post"]
    return post


def test_fields_are_a_body_and_a_query(project: Project) -> None:
    """Fields may come as JSON, as a form, or as a query; the document has required fields and defaults."""
    api = openapi_of(project, "def handler(a: int, b: str = 'x'): '''Add.\n\nMore.'''")
    post, get = api["paths"]["/"]["post"], api["paths"]["/"]["get"]
    schema = post["requestBody"]["content"]["application/json"]["schema"]
    assert schema["properties"] == {"a": {"type": "integer"}, "b": {"type": "string", "default": "x"}}
    assert (schema["required"], schema["additionalProperties"]) == (["a"], False)
    assert "application/x-www-form-urlencoded" in post["requestBody"]["content"]
    assert [(row["name"], row["in"], row["required"]) for row in get["parameters"]] == [
        ("a", "query", True), ("b", "query", False),
    ]  # fmt: skip
    assert (post["summary"], set(post["responses"])) == (
        "Add.", {"200", "400", "413", "415", "422", "500", "503", "504"},
    )  # fmt: skip


def test_structured_fields_are_no_query(project: Project) -> None:
    """A handler with a class among other fields has no query."""
    assert "get" not in openapi_of(project, "def handler(order: Order, n: int): ...")["paths"]["/"]


def test_rest_takes_further_fields(project: Project) -> None:
    """**kwargs is additionalProperties."""
    content = operation(project, "def handler(a: int, **rest): ...")["requestBody"]["content"]
    assert content["application/json"]["schema"]["additionalProperties"] is True


def test_a_class_of_the_users_may_be_called_problem(project: Project) -> None:
    """The runtime's own schema does not get in its way."""
    api = openapi_of(project, "def handler(problem: Problem): ...")
    assert "mine" in api["components"]["schemas"]["Problem"]["properties"]
    assert "error_id" in api["components"]["schemas"]["ProblemDocument"]["properties"]


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
        ("Word", "200", "text/plain"),
        ("pathlib.Path", "200", None),
        ("numpy.ndarray", "200", "application/json"),
    ],
)
def test_the_documented_result_is_the_sent_result(
    project: Project, hint: str, status: str, content: str | None
) -> None:
    """The media type is that of the answer; a hint that tells nothing of the body promises nothing."""
    responses = operation(project, f"def handler() -> {hint}: ...")["responses"]
    assert list(responses[status].get("content", [])) == ([content] if content else [])
    assert list(responses) == [status, "500", "503", "504"]


def test_files_and_events_have_their_media_types(project: Project) -> None:
    """Uploads come as multipart, CloudEvents in structured mode."""
    body = operation(project, "def handler(file: UploadFile, n: int = 1): ...")["requestBody"]
    assert list(body["content"]) == ["multipart/form-data"]
    assert list(operation(project, "def handler(e: CloudEvent): ...")["requestBody"]["content"]) == [
        "application/cloudevents+json"
    ]
    assert "requestBody" not in operation(project, "def handler(event): ...")


@pytest.mark.parametrize(
    ("changes", "valid"),
    [
        ({}, True),
        ({"data": {"a": 1}, "subject": "s", "myextension": 5, "time": "2024-01-02T03:04:05Z"}, True),
        ({"data": None, "data_base64": "aGk="}, True),
        ({"id": ""}, False),
        ({"type": 5}, False),
        ({"source": "a b"}, False),
        ({"specversion": "2.0"}, False),
        ({"My-Extension": "x"}, False),
        ({"extension": {}}, False),
        ({"extension": 2**40}, False),
        ({"data": 1, "data_base64": "aGk="}, False),
        ({"data_base64": "<"}, False),
    ],
)
def test_the_schema_of_an_event_is_what_the_reader_takes(
    project: Project, changes: dict[str, object], valid: bool
) -> None:
    """The document and the reader say the same of an event, and its 400 is documented."""
    post = operation(project, "def handler(e: CloudEvent): ...")
    schema = post["requestBody"]["content"]["application/cloudevents+json"]["schema"]
    event = {"id": "1", "source": "/a", "type": "t", "specversion": "1.0", **changes}
    assert Draft202012Validator(schema).is_valid(event) is valid
    if valid:
        from_json(event)
    else:
        with pytest.raises(ValueError, match=r"CloudEvent|attribute|data"):
            from_json(event)
    assert "400" in post["responses"]


def test_a_default_that_json_cannot_hold_is_left_out(project: Project) -> None:
    """`inf` and `nan` are no JSON: the parameter has no default in the document, and others keep theirs."""
    text = "def handler(x: float = float('inf'), y: list[float] = [float('nan')], z: float = 1.5): ..."
    schema = operation(project, text)["requestBody"]["content"]["application/json"]["schema"]
    assert schema["properties"]["x"] == {"type": "number"}
    assert "default" not in schema["properties"]["y"]
    assert schema["properties"]["z"]["default"] == 1.5
    limits = openapi_of(project, "def handler(a: Limits): ...")["components"]["schemas"]["Limits"]["properties"]
    assert set(limits) == {"default", "table"}
    assert "default" not in limits["default"]


@pytest.mark.parametrize("hint", ["{}", "list[{}]", "dict[str, {}]"])
@pytest.mark.parametrize("name", ["Aliased", "AsAliased"])
def test_the_schema_of_an_answer_is_that_of_what_is_sent(project: Project, name: str, hint: str) -> None:
    """A model's computed fields, its excluded ones and its aliases are in the schema as they are in the answer."""
    make = f"{name}.model_validate({{'fullName': 'Ada'}})"
    value = {"{}": make, "list[{}]": f"[{make}]"}.get(hint, f"{{'a': {make}}}")
    handler = project.handler(f"{HEAD}def handler(given: {name}) -> {hint.format(name)}: return {value}")
    api = msgspec.json.decode(msgspec.json.encode(make_document(handler)))
    post, schemas = api["paths"]["/"]["post"], api["components"]["schemas"]
    schema = post["responses"]["200"]["content"]["application/json"]["schema"]
    while "properties" not in schema:
        inner = schema.get("items") or schema.get("additionalProperties")
        schema = schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else inner
    answer = msgspec.json.decode(reply_to(handler.call(None)).body)
    while "size" not in answer:
        answer = answer[0] if isinstance(answer, list) else answer["a"]
    assert set(schema["properties"]) == set(answer)
    assert set(schema["required"]) <= set(answer)
    body = post["requestBody"]["content"]["application/json"]["schema"]
    body = schemas[body["$ref"].rpartition("/")[2]] if "$ref" in body else body
    assert {"fullName", "secret"} <= set(body["properties"])  # what is read keeps its own schema
    assert "size" not in body["properties"]


@pytest.mark.slow
def test_the_document_is_served(serve: Callable[..., Service]) -> None:
    """A default of `inf` is no failure of the route."""
    service = serve("def handler(limit: float = float('inf')):\n    return 1\n")
    answer = service.get("/_/openapi.json")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")


def test_times_have_a_format(project: Project) -> None:
    """Everywhere: in a field, an optional one, a list, a mapping, a class, and a class that holds itself."""
    source = (
        "class Event(msgspec.Struct):\n    at: datetime.datetime\n    more: list['Event']\n"
        "def handler(at: datetime.datetime, start: datetime.time | None, days: list[datetime.datetime], "
        "by: dict[str, datetime.time], event: Event, text: str, day: datetime.date)"
        " -> list[datetime.datetime]: ..."
    )
    api = openapi_of(project, source)
    post = api["paths"]["/"]["post"]
    fields = post["requestBody"]["content"]["application/json"]["schema"]["properties"]
    assert fields["at"] == {"type": "string", "format": "date-time"}
    assert {"type": "string", "format": "time"} in fields["start"]["anyOf"]
    assert fields["days"]["items"]["format"] == "date-time"
    assert fields["by"]["additionalProperties"]["format"] == "time"
    assert api["components"]["schemas"]["Event"]["properties"]["at"]["format"] == "date-time"
    assert (fields["text"], fields["day"]["format"]) == ({"type": "string"}, "date")
    assert post["responses"]["200"]["content"]["application/json"]["schema"]["items"]["format"] == "date-time"


def test_secrets_have_no_default(project: Project) -> None:
    """A default of a field whose name says secret is nobody's to read, in the body, the query and classes."""
    source = (
        "class Login(msgspec.Struct):\n    user: str = 'ada'\n    password: str = 'hunter2'\n"
        "def handler(api_key: str = 'hunter2', name: str = 'ada', login: Login = Login()): ..."
    )
    assert "hunter2" not in str(openapi_of(project, source))
    assert "ada" in str(openapi_of(project, source))
    assert "hunter2" not in str(openapi_of(project, "def handler(token: str = 'hunter2', n: int = 1): ..."))


def test_nested_objects_of_a_form_are_json(project: Project) -> None:
    """The document has an encoding for each field that is more than a scalar or a list of scalars."""
    body = operation(project, "def handler(item: Item, n: int, tags: list[str], items: list[Item]): ...")["requestBody"]
    json, form = body["content"]["application/json"], body["content"]["application/x-www-form-urlencoded"]
    assert form["encoding"] == {name: {"contentType": "application/json"} for name in ("item", "items")}
    assert "encoding" not in json
    body = operation(project, "def handler(file: UploadFile, item: Item): ...")["requestBody"]
    assert list(body["content"]["multipart/form-data"]["encoding"]) == ["item"]


def test_a_body_that_may_be_left_out_is_not_required(project: Project) -> None:
    """Without a body a parameter that takes null gets it."""
    for hint, required in ((": dict", True), ("", False), (": dict | None", False), (": list[int]", True)):
        assert operation(project, f"def handler(payload{hint}): ...")["requestBody"].get("required", False) is required
