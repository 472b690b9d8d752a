"""The contract of a handler, described for people and scripts."""

from __future__ import annotations

import msgspec
import pytest
from tests.loading import FUNCTIONS, Project

from ovenbird.errors import InitError
from ovenbird.function.binder import JOB
from ovenbird.function.describe import describe, describe_job, format_description
from ovenbird.function.handler import Handler


def test_a_description_has_the_whole_contract(project: Project) -> None:
    """Target, shape, arguments with hints and defaults, what is injected, the result and init."""
    handler = project.handler(
        "from ovenbird import CloudEvent\ndef init(context, n: int = 1): ...\ndef close(): ...\n"
        "async def handler(context, ce: CloudEvent, a: int, b: list[str] | None = None, **rest) -> dict: ..."
    )
    description = describe(handler, {"n": 2})
    assert description["shape"] == "async def"
    assert description["arguments"] == [
        {"name": "a", "hint": "int", "required": True},
        {"name": "b", "hint": "list[str] | None", "required": False, "default": "None"},
    ]
    assert description["injected"] == {"context": "context", "ce": "cloudevent"}
    assert (description["takes_unknown_fields"], description["payload"], description["returns"]) == (
        True,
        "fields",
        "dict",
    )
    assert (description["init"], description["close"]) == ("init(context, n: int = 1)", True)
    assert msgspec.json.decode(msgspec.json.encode(description)) == description
    lines = format_description(description).splitlines()
    assert "  argument    b: list[str] | None = None" in lines
    assert "  injected    ce (cloudevent)" in lines
    assert "init          init(context, n: int = 1)" in lines


def test_a_class_is_described_as_a_class(project: Project) -> None:
    """The shape says that it is constructed; without init its constructor takes the parameters."""
    description = describe(Handler(project.load("shop.greet:Greeter", str(FUNCTIONS / "package"))), {"word": "hi"})
    assert description["shape"] == "class, def"
    assert description["init"].startswith("Greeter(word: str")
    assert description["returns"] == "str"


def test_an_application_binds_nothing(project: Project) -> None:
    """An ASGI application has no arguments to describe."""
    description = describe(project.handler("from starlette.applications import Starlette\nhandler = Starlette()"), {})
    assert description["shape"] == "ASGI application"
    assert "arguments" not in description
    assert "returns       not hinted" in format_description(description)


def test_init_is_not_run(project: Project) -> None:
    """A check binds the parameters of init, and runs nothing; what does not fit is an error."""
    handler = project.handler("def init(n: int): raise SystemExit\ndef handler(): ...")
    assert describe(handler, {"n": 1})["init"] == "init(n: int)"
    with pytest.raises(InitError, match="n: missing"):
        describe(handler, {})


def test_a_job_has_the_schema_of_its_arguments(project: Project) -> None:
    """With the docstring's words; an argument that no JSON holds, an input, takes anything there."""
    handler = project.handler(
        "import pandas\n"
        "def handler(table: pandas.DataFrame, n: int = 2):\n    '''Do.\n\n    :param n: how many\n    '''\n"
    )
    description = describe_job(Handler(handler.loaded, JOB, fields_only=True), "main.py")
    assert description is not None
    assert description["arguments"] == {"table": "input", "n": "parameter"}
    assert description["schema"]["properties"]["n"] == {"description": "how many", "type": "integer", "default": 2}
    assert description["schema"]["required"] == ["table"]
    assert msgspec.json.decode(msgspec.json.encode(description)) == description
