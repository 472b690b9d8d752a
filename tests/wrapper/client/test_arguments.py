"""Arguments become bodies by the contract, or are refused."""

from __future__ import annotations

import dataclasses
import json
import math
import uuid
from pathlib import Path
from typing import Any

import numpy
import pandas
import pytest
from tests.loading import Project

from ovenbird import CloudEvent
from ovenbird.client.address import parse_address
from ovenbird.client.arguments import Payload, bind_arguments
from ovenbird.client.body import Upload
from ovenbird.client.contract import Contract, parse_contract
from ovenbird.client.errors import ArgumentsMismatchError
from ovenbird.client.request import Content, Options, make_request
from ovenbird.serve.observability.openapi import make_document


@dataclasses.dataclass
class Reading:
    """An argument with a number."""

    value: float


def contract_of(project: Project, signature: str) -> Contract:
    """Return the contract of a handler with these parameters."""
    return parse_contract(make_document(project.handler(f"import ovenbird\ndef handler({signature}): pass\n")))


def sent(contract: Contract, *args: Any, **kwargs: Any) -> Any:
    """Return what a call sends, parsed if it is JSON."""
    body, media_type = bind_arguments(contract, args, kwargs)
    assert isinstance(body, bytes)
    return json.loads(body) if "json" in media_type else body


def test_one_value_is_the_only_field(project: Project) -> None:
    """Or an object that holds it."""
    contract = contract_of(project, "n: int")
    assert sent(contract, 3) == sent(contract, n=3) == sent(contract, {"n": 3}) == {"n": 3}
    with pytest.raises(ArgumentsMismatchError, match="takes no argument 'm'"):
        sent(contract, m=3)


@pytest.mark.parametrize(
    "hint", ["pandas.DataFrame", "dict", "dict[str, list[int]]", "dict[str, Any] | None", "list", "Any"]
)
def test_the_name_of_the_only_argument_means_its_value(project: Project, hint: str) -> None:
    """A table or a mapping that is given by name arrives as it is, and not below that name."""
    head = "import pandas\nfrom typing import Any\n"
    contract = parse_contract(make_document(project.handler(f"{head}def handler(t: {hint}): pass\n")))
    table = {"a": [1, 2]}
    assert sent(contract, t=table) == sent(contract, table) == table
    if hint != "list":
        assert sent(contract, a=[1, 2]) == table


SURROGATE = r"holds '\\udcff' at position 1: half of a surrogate pair is no text"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (math.nan, "`a` is NaN, which JSON does not have"),
        ({"x": [0.5, {"y": math.inf}]}, r"`a\.x\[1\]\.y` is Infinity"),
        ((None, -math.inf), r"`a\[1\]` is -Infinity"), (numpy.array([[1.0, math.nan]]), r"`a\[0\]\[1\]` is NaN"),
        (numpy.float32("nan"), "`a` is NaN"), (Reading(math.nan), r"`a\.value` is NaN"),
        (pandas.DataFrame({"x": [1.0, math.inf]}), r"`a\[1\]\.x` is Infinity"), ({math.inf}, r"`a\[0\]` is Infinity"),
        ("x\udcff", f"`a` {SURROGATE}"), ([{"k": "x\udcff"}], rf"`a\[0\]\.k` {SURROGATE}"),
        ({"x\udcff": 1}, f"a name in `a` {SURROGATE}"), ([2**70, "x\udcff"], rf"`a\[1\]` {SURROGATE}"),
    ],
)  # fmt: skip
def test_what_json_cannot_hold_is_refused(project: Project, value: Any, message: str) -> None:
    """NaN would arrive as null: the error says where it is, and nothing is sent."""
    contract = contract_of(project, "a, b=1")
    with pytest.raises(ArgumentsMismatchError, match=message) as caught:
        sent(contract, a=value)
    assert caught.value.hint
    with pytest.raises(ArgumentsMismatchError, match=message.replace("`a", r"`json\.a", 1)):
        Content(json={"a": value}).make_payload()


def test_values_that_json_can_hold_are_sent(project: Project) -> None:
    """Among them missing values of tables, text that looks like the others, and characters beyond 16 bits."""
    contract = contract_of(project, "a, b=1")
    frame = pandas.DataFrame({"x": [1.0, math.nan], "t": [None, pandas.Timestamp("2024-01-02")]})
    assert sent(contract, a=frame)["a"] == [{"x": 1.0, "t": None}, {"x": None, "t": "2024-01-02T00:00:00"}]
    assert sent(contract, a=pandas.Series([math.nan, 2.0]))["a"] == [None, 2.0]
    for value in (None, "null NaN", [1e308, -0.0], "\U0001f600", [2**70, "\U0001f600"]):
        assert sent(contract, a=value) == {"a": value}


def test_text_of_forms_and_paths_that_is_none(project: Project) -> None:
    """In bodies, names, file names, queries and paths; the text, which may be a secret, is not shown."""
    contract = contract_of(project, "file: ovenbird.UploadFile, title: str = '', n: float = 0")
    odd = "k\udcff secret"
    for arguments in ({"title": odd}, {"n": math.nan}, {"file": (odd, b"1")}, {"file": ("x", odd)}):
        with pytest.raises(ArgumentsMismatchError, match=r"half of a surrogate pair|`n` is NaN"):
            sent(contract, **{"file": b"1", **arguments})
    for content in ({"body": odd}, {"data": {"a": ["b", odd]}}, {"data": {odd: 1}}, {"files": {odd: b"1"}}):
        with pytest.raises(ArgumentsMismatchError, match="half of a surrogate pair") as caught:
            Content(**content).make_payload()
        assert "secret" not in str(caught.value)
    with pytest.raises(ArgumentsMismatchError, match=f"`params`: 'a' {SURROGATE}"):
        Content(params={"a": odd}).add_query("/")
    with pytest.raises(ArgumentsMismatchError, match=f"the path {SURROGATE}"):
        make_request(parse_address("http://h"), Options(), "GET", odd, Payload(), {})


def test_a_field_that_is_called_as_the_argument_is_the_field(project: Project) -> None:
    """A class wins whose own field has the name of the argument."""
    head = "import dataclasses\n@dataclasses.dataclass\nclass T:\n    t: int\n"
    contract = parse_contract(make_document(project.handler(f"{head}def handler(t: T): pass\n")))
    assert sent(contract, t=1) == {"t": 1}


def test_names_that_python_reserves_are_fields_too(project: Project) -> None:
    """`self` and the like are no arguments of `call` itself."""
    from ovenbird.client.client import Client

    contract = contract_of(project, "self: int, path: str = '', json: str = ''")
    client = Client("http://127.0.0.1:1")
    client._shared.contract = contract
    request = client._bind((), {"self": 1, "json": "x"})
    assert request.body == b'{"self":1,"json":"x"}'


def test_a_function_without_arguments(project: Project) -> None:
    """Anything more is refused before it is sent."""
    contract = contract_of(project, "context")
    assert bind_arguments(contract, (), {}).body == b""
    with pytest.raises(ArgumentsMismatchError, match="has no arguments"):
        sent(contract, n=1)


def test_events(project: Project) -> None:
    """As a mapping, by name, and as an object of ours; bytes become base64."""
    contract = contract_of(project, "event: ovenbird.CloudEvent")
    attributes = {"id": "1", "source": "/a", "type": "t"}
    event = {"specversion": "1.0", **attributes, "data": {"n": 1}}
    assert sent(contract, {**attributes, "data": {"n": 1}}) == event
    assert sent(contract, **attributes, data={"n": 1}) == event
    assert sent(contract, CloudEvent(attributes, {"n": 1})) == event
    assert sent(contract, CloudEvent(attributes, b"\x00"))["data_base64"] == "AA=="
    with pytest.raises(ArgumentsMismatchError, match="lacks 'id', 'type'"):
        sent(contract, source="/a")
    with pytest.raises(ArgumentsMismatchError, match="takes a CloudEvent, found int"):
        sent(contract, 3)


def test_the_fields_of_a_form(project: Project) -> None:
    """Scalars are text, lists several fields, anything deeper JSON; names cannot leave their line."""
    contract = contract_of(
        project, "file: ovenbird.UploadFile, tags: list[str] = [], key: object = None, deep: dict = {}, **rest"
    )
    text = sent(
        contract, file=b"1", tags=["a", "b"], key=uuid.UUID(int=1), deep={"a": [1]}, **{'x"\r\ny': True}, none=None
    ).decode()  # fmt: skip
    assert text.count('name="tags"') == 2
    assert 'name="deep"\r\nContent-Type: application/json\r\n\r\n{"a":[1]}\r\n' in text
    assert 'name="x%22%0D%0Ay"\r\n\r\ntrue\r\n' in text
    assert "none" not in text
    with pytest.raises(ArgumentsMismatchError, match="is no file, found bytes"):
        sent(contract, file=b"1", tags=[b"x"])


def test_large_files_are_read_while_they_are_sent(project: Project, tmp_path: Path) -> None:
    """Their length is known, and they can be sent again."""
    path = tmp_path / "large.bin"
    path.write_bytes(b"x" * 1_000_000)
    body, _ = bind_arguments(contract_of(project, "file: ovenbird.UploadFile"), (), {"file": path})
    assert isinstance(body, Upload)
    assert body.is_repeatable
    for _ in range(2):
        chunks = list(body.read_chunks())
        assert sum(map(len, chunks)) == body.length
        assert max(map(len, chunks)) < 300_000
    with path.open("rb") as stream:
        stream.seek(999_000)
        assert Upload([stream]).length == sum(map(len, Upload([stream]).read_chunks())) == 1000


def test_a_part_that_json_has_no_form_for(project: Project) -> None:
    """Its type is named; what refers to itself ends."""
    contract = contract_of(project, "payload")
    with pytest.raises(ArgumentsMismatchError, match=r"a part of the arguments cannot be written as JSON.*Project"):
        sent(contract, [project])
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(ArgumentsMismatchError, match="nested too deeply"):
        sent(contract, endless)
