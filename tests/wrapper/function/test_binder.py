"""Arguments by name, from each form of payload."""

import asyncio
from dataclasses import dataclass, field
from typing import Annotated, Any, TypedDict

import msgspec
import pydantic
import pytest
import starlette.datastructures

from ovenbird.errors import SignatureError
from ovenbird.function.binder import Binder, MalformedPayloadError, PayloadMode, PayloadValidationError


@dataclass
class Order:
    item: str
    count: int = 1
    tags: list[str] = field(default_factory=list)


class OrderStruct(msgspec.Struct):
    item: str
    count: int = 1
    tags: list[str] = []


class OrderDict(TypedDict, total=False):
    item: str
    count: int
    tags: list[str]


class OrderModel(pydantic.BaseModel):
    item: str
    count: int = 1
    tags: list[str] = []


def fields_error(act: Any, *arguments: Any, **options: Any) -> dict[str, str]:
    """The problems of a payload that does not fit, by field."""
    with pytest.raises(PayloadValidationError) as caught:
        act(*arguments, **options)
    return dict(caught.value.problems)


# what the payload is


def handler_none(): ...
def handler_event(event, context): ...
def handler_raw(body: bytes): ...
def handler_raw_optional(body: bytes | None = None): ...
def handler_any(payload): ...
def handler_object(payload: object): ...
def handler_dict(event: dict): ...
def handler_list(items: list): ...
def handler_order(order: Order, context): ...
def handler_union(order: Order | None): ...
def handler_one(n: int): ...
def handler_two(name: str, n: int = 1): ...
def handler_rest(**rest): ...
def handler_one_and_rest(order: Order, **rest): ...
def handler_context_and_rest(context, **rest): ...
def handler_positional(*args): ...


@pytest.mark.parametrize(
    ("function", "mode"),
    [
        (handler_none, PayloadMode.NONE),
        (handler_event, PayloadMode.NONE),
        (handler_positional, PayloadMode.NONE),
        (handler_raw, PayloadMode.RAW),
        (handler_raw_optional, PayloadMode.RAW),
        (handler_any, PayloadMode.WHOLE),
        (handler_object, PayloadMode.WHOLE),
        (handler_dict, PayloadMode.WHOLE),
        (handler_list, PayloadMode.WHOLE),
        (handler_order, PayloadMode.WHOLE),
        (handler_union, PayloadMode.WHOLE),
        (handler_one, PayloadMode.FIELDS),
        (handler_two, PayloadMode.FIELDS),
        (handler_rest, PayloadMode.FIELDS),
        (handler_one_and_rest, PayloadMode.FIELDS),
    ],
)
def test_the_signature_says_what_the_payload_is(function: Any, mode: PayloadMode) -> None:
    """One parameter: bytes take the raw body, a scalar is a field, all else the whole payload. More are fields."""
    assert Binder(function).mode is mode


def test_jobs_take_fields_only() -> None:
    """Arguments of a job come by name, so a lone parameter is a field."""
    assert Binder(handler_any, fields_only=True).from_object({"payload": [1]}) == {"payload": [1]}


# the whole payload


@pytest.mark.parametrize("kind", [Order, OrderStruct, OrderModel])
def test_the_whole_payload_is_converted(kind: Any) -> None:
    """A dataclass, a Struct and a pydantic model are built from JSON, their defaults honoured."""

    def handler(order: kind): ...

    order = Binder(handler).from_json(b'{"item": "tea", "tags": ["a"]}')["order"]
    assert isinstance(order, kind)
    assert (order.item, order.count, order.tags) == ("tea", 1, ["a"])


@pytest.mark.parametrize("kind", [Order, OrderStruct, OrderDict, OrderModel])
def test_a_form_is_the_whole_payload_too(kind: Any) -> None:
    """Text becomes numbers, and a field that is a list is one also when it came once."""

    def handler(order: kind): ...

    binder = Binder(handler)
    order = binder.from_fields([("item", "tea"), ("count", "2"), ("tags", "a")])["order"]
    result = order if isinstance(order, dict) else {"item": order.item, "count": order.count, "tags": order.tags}
    assert result == {"item": "tea", "count": 2, "tags": ["a"]}


@pytest.mark.parametrize("kind", [Order, OrderStruct, OrderModel])
def test_every_bad_field_of_the_whole_payload_is_named(kind: Any) -> None:
    """A payload with several wrong fields is answered with all of them."""

    def handler(order: kind): ...

    assert set(fields_error(Binder(handler).from_json, b'{"count": "x", "tags": [1, "a", 2]}')) == {
        "item", "count", "tags[0]", "tags[2]",
    }  # fmt: skip


def test_an_unhinted_parameter_takes_any_json() -> None:
    """Without a hint the payload is what the JSON holds; a form's repeated names are lists."""
    binder = Binder(handler_any)
    assert [binder.from_json(text)["payload"] for text in (b'{"a": [1]}', b"[1]", b"null", b"1.5")] == [
        {"a": [1]}, [1], None, 1.5,
    ]  # fmt: skip
    assert Binder(handler_object).from_json(b"[1]") == {"payload": [1]}
    assert binder.from_fields([("a", "1"), ("a", "2"), ("b", "x")]) == {"payload": {"a": ["1", "2"], "b": "x"}}


def test_a_hint_makes_event_the_payload() -> None:
    """`event: dict` is not the reserved event."""
    assert Binder(handler_dict).from_json(b'{"a": 1}') == {"event": {"a": 1}}
    assert fields_error(Binder(handler_dict).from_json, b"[1]") == {
        "event": "Expected object, got array; the body is the value of 'event' (dict)"
    }


def test_no_body_is_what_the_hint_makes_of_nothing() -> None:
    """No body: None where it fits, an empty object, the default, or the missing fields named."""
    assert Binder(handler_any).from_nothing() == {"payload": None}
    assert Binder(handler_union).from_nothing() == {"order": None}
    assert Binder(handler_dict).from_nothing() == {"event": {}}
    assert Binder(handler_raw).from_nothing() == {"body": b""}
    assert Binder(handler_raw_optional).from_nothing() == Binder(handler_none).from_nothing() == {}
    assert fields_error(Binder(handler_order).from_nothing) == {"item": "missing"}
    assert fields_error(Binder(handler_two).from_nothing) == {"name": "missing"}


def test_raw_bytes_of_what_was_parsed_already() -> None:
    """The data of a CloudEvent reaches `body: bytes` as bytes, whatever it was parsed to."""
    binder = Binder(handler_raw)
    assert [binder.from_object(data)["body"] for data in (b"\0", "é", {"a": 1})] == [b"\0", "é".encode(), b'{"a":1}']


# fields


def test_fields_are_converted_and_defaults_left_to_the_function() -> None:
    """Fields come by name; a default fills what was not sent."""
    assert Binder(handler_two).from_json(b'{"name": "Ada"}') == {"name": "Ada", "n": 1}
    assert Binder(handler_two).from_json(b'{"n": 2, "name": "Ada"}') == {"name": "Ada", "n": 2}


def test_a_field_may_be_named_like_anything() -> None:
    """Names that the machinery might use for itself are fields like others."""

    def handler(self_: int, json: int, cls: int, name: int, kw_only: int): ...

    values = {"self_": 1, "json": 2, "cls": 3, "name": 4, "kw_only": 5}
    assert Binder(handler).from_json(msgspec.json.encode(values)) == values


def test_mutable_defaults_are_the_functions_own() -> None:
    """A default list is the very object of the function, as in Python."""
    shared: list[int] = []

    def handler(a: int, items: list[int] = shared): ...

    assert Binder(handler).from_json(b'{"a": 1}')["items"] is shared


def test_none_as_a_default_takes_null() -> None:
    """`name: str = None` is optional, whatever the version of Python thinks of it."""

    def handler(name: str = None, n: int = 1): ...  # noqa: RUF013

    assert Binder(handler).from_json(b'{"name": null}') == {"name": None, "n": 1}
    assert fields_error(Binder(handler).from_json, b'{"name": 1}') == {"name": "Expected str | null, got int"}


def test_rest_takes_unknown_fields() -> None:
    """**kwargs takes what no parameter is named for, from JSON and from a query."""
    binder = Binder(handler_one_and_rest)
    assert binder.from_json(b'{"order": {"item": "tea"}, "x": [1], "y": null}') == {
        "order": Order("tea"), "x": [1], "y": None,
    }  # fmt: skip
    assert Binder(handler_rest).from_fields([("a", "1"), ("b", "2"), ("b", "3")]) == {"a": "1", "b": ["2", "3"]}
    assert fields_error(Binder(handler_rest).from_object, {1: 2}) == {"1": "unknown field"}


def test_rest_does_not_take_what_a_method_has_already() -> None:
    """A field named `self` is a problem of the client's, and no failure of the call."""

    class Model:
        def __call__(self, n: int, **rest): ...

    for function in (Model(), Model().__call__):
        assert fields_error(Binder(function).from_object, {"n": 1, "self": 2, "x": 3}) == {"self": "unknown field"}
    assert Binder(lambda n=1, **rest: None).from_object({"self": 2}) == {"self": 2}


def test_a_reserved_parameter_with_rest_reads_the_payload_from_the_event() -> None:
    """`handler(context, **rest)`: nothing says that the payload is an object, unless it is a job."""
    assert Binder(handler_context_and_rest).mode is PayloadMode.NONE
    assert Binder(handler_context_and_rest, fields_only=True).from_object({"a": 1}) == {"a": 1}


def test_an_unknown_field_is_named_with_a_suggestion() -> None:
    """Without **kwargs a field without a parameter is an error, with a similar name."""
    assert fields_error(Binder(handler_two).from_json, b'{"nam": "Ada", "zzz": 1}') == {
        "name": "missing", "nam": "unknown field, did you mean 'name'?", "zzz": "unknown field",
    }  # fmt: skip


def test_a_long_list_of_unknown_fields_is_cut() -> None:
    """A client cannot make the answer, or the work for it, as large as it likes."""
    payload = {f"field{number}": 1 for number in range(5000)} | {"k" * 100_000: 1}
    problems = fields_error(Binder(handler_two).from_object, payload | {"name": "a"})
    assert len(problems) == 20
    assert max(map(len, fields_error(Binder(handler_two).from_object, {"name": "a", "k" * 100_000: 1}))) < 100


def test_keyword_only_and_positional_only_parameters_are_filled() -> None:
    """How a parameter may be passed is no affair of the caller's; omitted ones keep their own defaults."""

    def handler(a: int = 1, b: int = 2, /, c: int = 3, *, d: int):
        return a, b, c, d

    binder = Binder(handler)
    call = binder.adapt(handler)
    assert call(**binder.from_json(b'{"b": 20, "d": 4}')) == (1, 20, 3, 4)
    assert call(d=4) == (1, 2, 3, 4)


def test_positional_only_parameters_keep_the_shape() -> None:
    """An adapted coroutine function still gives a coroutine."""

    async def handler(a, /):
        return a

    assert asyncio.run(Binder(handler).adapt(handler)(a=1)) == 1


def test_a_payload_that_is_no_object_says_what_was_expected() -> None:
    """Fields need an object; the message names them."""
    for text, result in ((b"[1]", "an array"), (b'"x"', "a string"), (b"1", "a number"), (b"null", "null")):
        problems = fields_error(Binder(handler_two).from_json, text)
        assert problems == {"": f"expected a JSON object with 'name', 'n', found {result}"}


@pytest.mark.parametrize(
    "body",
    [b"{", b"", b"nonsense", b'{"name": NaN}', b'{"name": Infinity}', b'{"name": "\xff"}', b"{'name': 1}", b"{} {}"],
)
@pytest.mark.parametrize("function", [handler_two, handler_any, handler_order, handler_rest])
def test_malformed_json_is_an_error_of_its_own(function: Any, body: bytes) -> None:
    """Text that is no JSON is malformed, and not an error of a field; NaN is no JSON."""
    with pytest.raises(MalformedPayloadError):
        Binder(function).from_json(body)


@pytest.mark.parametrize("body", [b'{"item": NaN}', b'{"item": Infinity}', b"{"])
def test_malformed_json_is_malformed_for_pydantic_too(body: bytes) -> None:
    """pydantic would take NaN for a number; JSON has none. The word in a text is no harm."""

    def handler(order: OrderModel): ...

    with pytest.raises(MalformedPayloadError):
        Binder(handler).from_json(body)
    assert Binder(handler).from_json(b'{"item": "NaN"}')["order"].item == "NaN"


@pytest.mark.parametrize("function", [handler_two, handler_any, handler_order, handler_rest, handler_dict])
def test_deep_json_is_malformed(function: Any) -> None:
    """100,000 levels are refused, not a crash."""
    for body in (b"[" * 100_000, b'{"name":' * 100_000, b"[" * 100_000 + b"]" * 100_000):
        with pytest.raises(MalformedPayloadError):
            Binder(function).from_json(body)


class Node(msgspec.Struct):
    nodes: "list[Node]" = []


class NodeModel(pydantic.BaseModel):
    nodes: "list[NodeModel]" = []


@pytest.mark.parametrize("kind", [Node, NodeModel])
@pytest.mark.parametrize("depth", [300, 900, 100_000])
def test_deep_values_of_a_recursive_type_are_refused(kind: Any, depth: int) -> None:
    """A bad value far down in a recursive type is an error of ours, whatever the depth."""

    def handler(node: kind): ...

    body = b'{"nodes": [' * depth + b"5" + b"]}" * depth
    with pytest.raises((PayloadValidationError, MalformedPayloadError)):
        Binder(handler).from_json(body)


# fields of queries and forms


def test_text_becomes_what_the_hint_says() -> None:
    """Numbers, booleans and lists from a query; the last of a repeated scalar."""

    def handler(n: int, x: float, on: bool, tags: list[int], maybe: list[str] | None = None): ...

    pairs = [("n", "1"), ("n", "2"), ("x", "1e3"), ("on", "true"), ("tags", "1"), ("tags", "2"), ("maybe", "a")]
    assert Binder(handler).from_fields(pairs) == {"n": 2, "x": 1000.0, "on": True, "tags": [1, 2], "maybe": ["a"]}
    assert fields_error(Binder(handler).from_fields, [*pairs, ("n", "x"), ("tags", "y")]) == {
        "n": "Expected int, got str", "tags[2]": "Expected int, got str",
    }  # fmt: skip


def test_json_is_strict_where_a_query_is_lax() -> None:
    """A number as text in JSON is an error, also where a query may fill other fields."""
    binder = Binder(handler_two)
    assert fields_error(binder.from_json, b'{"name": "a", "n": "1"}') == {"n": "Expected int, got str"}
    assert binder.from_object({"name": "a"}, query=[("n", "5")]) == {"name": "a", "n": 5}
    assert binder.from_object({"name": "a", "n": 1}, query=[("n", "5")]) == {"name": "a", "n": 1}


def test_a_part_of_a_form_may_hold_json() -> None:
    """Structured data in a form with a file is a part of JSON text."""

    def handler(order: Order, orders: list[Order], meta: dict[str, int], text: str): ...

    text = '{"item": "tea"}'
    result = Binder(handler).from_fields([("order", text), ("orders", text), ("meta", '{"a": 1}'), ("text", text)])
    assert result == {"order": Order("tea"), "orders": [Order("tea")], "meta": {"a": 1}, "text": text}
    again = Binder(handler).from_fields(
        [("order", text), ("orders", f"[{text}, {text}]"), ("meta", "{}"), ("text", "[")]
    )
    assert again["orders"] == [Order("tea"), Order("tea")]


def a_file(name: str = "a.txt") -> starlette.datastructures.UploadFile:
    import io

    return starlette.datastructures.UploadFile(io.BytesIO(b"x"), filename=name)


def test_files_reach_upload_hints() -> None:
    """Hints take one file, several, or an optional one; a single UploadFile is a field and not the payload."""
    upload = starlette.datastructures.UploadFile

    def handler(single: upload, many: list[upload], maybe: upload | None = None, n: int = 1): ...
    def lone(single: upload): ...

    first, second = a_file(), a_file()
    binder = Binder(handler)
    assert binder.uploads
    assert binder.from_fields([("single", first), ("many", first), ("many", second), ("n", "2")]) == {
        "single": first, "many": [first, second], "n": 2,
    }  # fmt: skip
    assert Binder(lone).mode is PayloadMode.FIELDS


def test_a_file_for_a_value_and_a_value_for_a_file_are_problems() -> None:
    """Each error says what was expected."""

    def handler(single: starlette.datastructures.UploadFile, n: int): ...

    problems = fields_error(Binder(handler).from_fields, [("single", "text"), ("n", a_file())])
    assert problems == {
        "single": "expected a file, as a part of multipart/form-data with a filename",
        "n": "expected a value, found a file",
    }


# pydantic beside other fields


def test_models_among_other_fields() -> None:
    """A pydantic model may be one field among others; its problems have their path."""

    def handler(order: OrderModel, n: Annotated[int, pydantic.Field(gt=0)] = 1): ...

    binder = Binder(handler)
    assert binder.from_json(b'{"order": {"item": "tea"}}')["order"] == OrderModel(item="tea")
    problems = fields_error(binder.from_json, b'{"order": {"count": "x"}, "n": 0}')
    assert set(problems) == {"order.item", "order.count", "n"}


def test_strict_models_take_json_forms_from_json() -> None:
    """A strict model takes a date from JSON text, also when another field is wrong or present."""
    import datetime

    class Strict(pydantic.BaseModel):
        model_config = pydantic.ConfigDict(strict=True)
        day: datetime.date
        n: int = 1

    def whole(data: Strict): ...
    def part(data: Strict, x: int = 1): ...

    assert Binder(part).from_json(b'{"data": {"day": "2024-01-01"}}')["data"].day == datetime.date(2024, 1, 1)
    assert set(fields_error(Binder(whole).from_json, b'{"day": "2024-01-01", "n": "x"}')) == {"n"}


# what cannot be bound


def test_two_cloudevents_are_refused() -> None:
    """A call has one event."""
    from ovenbird import CloudEvent

    def handler(a: CloudEvent, b: CloudEvent): ...

    with pytest.raises(SignatureError, match="'a' and 'b' both take the CloudEvent"):
        Binder(handler)


def test_a_callable_without_a_signature_is_refused() -> None:
    """Some builtins have no readable signature."""
    with pytest.raises(SignatureError, match="has no signature that can be read"):
        Binder(iter)


@pytest.mark.parametrize(
    "name",
    ["__x", "___x", "_x", "__", "__init__", "__dict__", "__slots__", "__weakref__", "__doc__", "__annotations__",
     "__class__", "self", "cls", "mro", "class_", "type", "match", "é"],
)  # fmt: skip
@pytest.mark.parametrize(
    "form",
    ["({}: int, b: str = '')", "({}: int = 1, b: str = '')", "({}: int, /, b='')", "(*, {}: int, b)",
     "({}: int = 1, *args, **rest)", "({}: int, **__rest)"],
)  # fmt: skip
def test_a_parameter_may_have_any_name(name: str, form: str) -> None:
    """Names that a class would mangle, or that mean something to a class, are bound and converted too."""
    result: dict[str, Any] = {}
    exec(f"def function{form.format(name)}: return {name}", result)
    binder = Binder(result["function"])
    function = binder.adapt(result["function"])
    assert function(**binder.from_json(msgspec.json.encode({name: 3, "b": "x"}))) == 3
    assert function(**binder.from_fields([(name, "3"), ("b", "x")])) == 3
    with pytest.raises(PayloadValidationError, match=name):
        binder.from_json(msgspec.json.encode({name: "three", "b": "x"}))
