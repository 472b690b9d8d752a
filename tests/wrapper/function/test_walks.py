"""Looking at hints takes time by their number, however they refer to each other."""

from __future__ import annotations

import sys
import time
import types
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
import pydantic
import pytest
from tests.loading import Project

from ovenbird.function.binder import JOB, Binder
from ovenbird.function.dataclass_defaults import holds_dataclass
from ovenbird.function.describe import describe, format_description
from ovenbird.function.examples import request_line, run_line
from ovenbird.function.type_hints import mentions_pydantic
from ovenbird.serve.observability.openapi import make_document

LIMIT = 10.0  # seconds; each of these takes a fraction of one, and took minutes
COUNT = 14

KINDS = {
    "TypedDict": ("(TypedDict)", ""),
    "TypedDict, optional": ("(TypedDict, total=False)", ""),
    "data class": ("", "@dataclass\n"),
    "Struct": ("(msgspec.Struct)", ""),
    "pydantic": ("(pydantic.BaseModel)", ""),
    "named tuple": ("(NamedTuple)", ""),
}


@pytest.fixture(params=KINDS)
def classes(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A module with classes that all refer to each other, in every field."""
    bases, decorator = KINDS[request.param]
    names = [f"Class{number}" for number in range(COUNT)]
    source = (
        "from __future__ import annotations\nimport msgspec, pydantic\nfrom dataclasses import dataclass\n"
        "from typing import NamedTuple, Optional, TypedDict\n"
    )
    for name in names:
        source += f"{decorator}class {name}{bases}:\n"
        source += "".join(f"    f{position}: Optional[list[{other}]]\n" for position, other in enumerate(names))
    source += "def handler(one: Class0, other: dict[str, Class1]): ...\ndef lone(one: Class0): ...\n"
    module = types.ModuleType("mutual")
    sys.modules["mutual"] = module
    exec(compile(source, "mutual.py", "exec"), module.__dict__)
    yield module
    del sys.modules["mutual"]


@pytest.mark.slow
def test_classes_that_refer_to_each_other(classes: Any) -> None:
    """Such classes are bound, converted and described, for a service and a job."""
    began = time.monotonic()
    for function in (classes.handler, classes.lone):
        binder = Binder(function)
        request_line(binder, 80)
        run_line(Binder(function, JOB, fields_only=True), "main.py")
    assert time.monotonic() - began < LIMIT


SOURCE = """
import pydantic
from typing import Annotated

class Account(pydantic.BaseModel):
    name: str
    password: pydantic.SecretStr
    token: pydantic.SecretBytes | None = None
    site: pydantic.HttpUrl | None = None
    mail: Annotated[str, pydantic.Field(max_length=50)] = ""
    more: "list[Account]" = []

def handler(account: Account, key: pydantic.SecretStr | None = None) -> Account:
    return account
"""


def test_types_of_pydantic_are_pydantics_affair(project: Project) -> None:
    """A model with secrets is bound, described and documented at once."""
    began = time.monotonic()
    handler = project.handler(SOURCE)
    assert "account" in format_description(describe(handler, {}))
    assert make_document(handler)["openapi"] == "3.1.0"
    assert handler.binder is not None
    arguments = handler.binder.from_json(b'{"account": {"name": "ada", "password": "secret"}}')
    assert arguments["account"].password.get_secret_value() == "secret"
    assert time.monotonic() - began < LIMIT


def test_what_the_walks_find(project: Project) -> None:
    """A data class and a pydantic model are found at any depth; other hints have neither."""

    @dataclass
    class Data:
        x: int = 1

    class Outer(msgspec.Struct):
        inner: dict[str, list[Data]]

    class Plain(msgspec.Struct):
        x: int

    Outer.__annotations__["inner"] = dict[str, list[Data]]  # as text they would name what is local to this test
    Plain.__annotations__["x"] = int
    assert holds_dataclass(Outer)
    assert holds_dataclass(list[Data] | None)
    assert not holds_dataclass(Plain)
    assert not holds_dataclass(pydantic.SecretStr)
    assert not holds_dataclass(Any)
    assert mentions_pydantic(dict[str, list[pydantic.SecretStr]])
    assert not mentions_pydantic(dict[str, list[int]])


def test_an_alias_that_refers_to_itself() -> None:
    """`type Json = list[Json]` is looked at once."""
    alias: Any = type("TypeAliasType", (), {})()
    alias.__value__ = list[alias]
    assert not mentions_pydantic(alias)
    assert not holds_dataclass(alias)
