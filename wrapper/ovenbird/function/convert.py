"""Convert a value to a hint: by msgspec, and by the user's own pydantic where the hint mentions it."""

from __future__ import annotations

import datetime
import re
import sys
import typing
from collections.abc import Callable
from typing import Any

import msgspec

from ..common.text import show_value, with_article
from ..errors import SignatureError
from .dataclass_defaults import fill, holds_dataclass, with_defaults
from .instances import is_instance
from .type_hints import (
    hint_text,
    is_class,
    is_class_named,
    is_pydantic,
    mentions_pydantic,
    plain_number,
    unwrap_optional,
)
from .validation_errors import (
    FieldError,
    MalformedPayloadError,
    PayloadValidationError,
    collect_errors,
    is_pydantic_error,
)

_USE = "use a type that JSON can hold, a dataclass, TypedDict, msgspec.Struct or pydantic model, or no hint"
_HALF_PAIR = rb"(?<!\\)(?:\\\\)*(\\u[dD][89abAB][0-9a-fA-F]{2})(?!\\u[dD][c-fC-F])"
TABLES = (("DataFrame", "pandas", "polars"), ("Series", "pandas", "polars"))
ENTITIES = ("Dataitem", "Artifact", "Model")  # classes of the platform's SDK, whichever package has them


def parse_json(body: bytes) -> Any:
    """Return the value of a JSON text. Errors: MalformedPayloadError."""
    try:
        return msgspec.json.decode(body)
    except RecursionError:
        raise MalformedPayloadError("the JSON is nested too deeply") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedPayloadError(_explain_malformed(body, str(error))) from None


def _explain_malformed(body: bytes, text: str) -> str:
    """Return why a JSON text is malformed.

    msgspec reports white space, and half of a surrogate pair, as truncated input.
    """
    if not body.strip():
        return "the JSON is empty" + (": the body is white space only" if body else "")
    match = re.search(_HALF_PAIR, body)
    if match and "truncated" in text:
        return f"the JSON holds `{match[1].decode()}`, a lone surrogate, which is not a character"
    return text.partition(" - at ")[0].replace("JSON is malformed", "the JSON is malformed")


def whole_numbers(value: Any) -> Any:
    """Return a parsed value with `2` for each `2.0`, an integer in JSON Schema; the same object if there is none."""
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < 2**63 else value
    if isinstance(value, dict):
        changed = {key: new for key, part in value.items() if (new := whole_numbers(part)) is not part}
        return {**value, **changed} if changed else value
    if isinstance(value, list):
        parts = [whole_numbers(part) for part in value]
        return parts if any(new is not part for new, part in zip(parts, value, strict=True)) else value
    return value


class Converter:
    """Converts one value, or one JSON text, to a hint. `lax` takes numbers and dates from text, as in a query.

    `decode` takes a JSON text and raises ValueError or RecursionError for one that is malformed or does not fit.
    Errors: SignatureError for a hint that nothing can be converted to, with the name of its parameter.
    """

    __slots__ = ("_adapter", "decode", "has_defaults", "hint")

    def __init__(self, name: str, hint: Any) -> None:
        self.hint = hint
        self._adapter: Any = None
        self.has_defaults = holds_dataclass(hint)  # whether msgspec leaves defaults out
        self.decode: Callable[[bytes], Any]
        try:
            if mentions_pydantic(hint):
                self._adapter = sys.modules["pydantic"].TypeAdapter(hint)
                self.decode = self._decode_by_pydantic
            else:
                _refuse_unknown(hint)
                decode = msgspec.json.Decoder(hint, dec_hook=decode_custom).decode
                self.decode = with_defaults(decode) if self.has_defaults else decode
        except Exception as error:  # both resolve hints of the user's classes, which may raise anything
            reason = str(error).partition("\n")[0]
            raise SignatureError(
                f"the hint of argument {show_value(name)} is {hint_text(hint)}: {reason}", hint=_USE
            ) from None

    @property
    def pydantic(self) -> bool:
        """Whether the user's pydantic does the conversion."""
        return self._adapter is not None

    def convert(self, value: Any, path: str, lax: bool = False) -> Any:
        """Return the value, converted.

        Errors: PayloadValidationError that names every part that does not fit, below `path`.
        """
        try:
            try:
                return self._convert(value, self.hint, lax)
            except (ValueError, msgspec.ValidationError) as error:
                if not isinstance(error, msgspec.ValidationError) and not is_pydantic_error(error):
                    raise
            integers = value if lax else whole_numbers(value)
            if integers is not value:
                return self._convert_whole(integers, path)
            errors = collect_errors(value, self.hint, path, self._convert, lax)
        except RecursionError:
            errors = [FieldError(path, "nested too deeply")]
        raise PayloadValidationError(errors)

    def _convert_whole(self, value: Any, path: str) -> Any:
        """Return the value, converted after its floats without a fraction became ints. Errors: as `convert`."""
        try:
            return self._convert(value, self.hint, False)
        except (ValueError, msgspec.ValidationError) as error:
            if not isinstance(error, msgspec.ValidationError) and not is_pydantic_error(error):
                raise
        raise PayloadValidationError(collect_errors(value, self.hint, path, self._convert, False))

    def schema(self, ref_template: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the JSON Schema (2020-12) of the hint, and the named schemas that it refers to."""
        if self._adapter is not None:
            schema = self._adapter.json_schema(ref_template=ref_template.format(name="{model}"))
            return schema, schema.pop("$defs", {})
        (schema,), named = msgspec.json.schema_components(
            [self.hint], ref_template=ref_template, schema_hook=_describe_class
        )
        return schema, named

    def sent_schema(self, ref_template: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the schema of a value of the hint as it is sent. Pydantic adds computed fields then, and may use
        aliases.
        """
        if self._adapter is None:
            return self.schema(ref_template)
        schema = self._adapter.json_schema(
            mode="serialization", by_alias=sends_aliases(self.hint), ref_template=ref_template.format(name="{model}")
        )
        return schema, schema.pop("$defs", {})

    def _convert(self, value: Any, hint: Any, lax: bool) -> Any:
        if self._adapter is None:
            result = msgspec.convert(value, hint, strict=not lax, dec_hook=_decode_lax if lax else decode_custom)
            if self.has_defaults:
                fill(result)
            return result
        if not lax and _is_json(value):  # a strict model takes a date from JSON text, and not from a Python string
            return self._adapter.validate_json(msgspec.json.encode(value))
        return self._adapter.validate_python(value)

    def _decode_by_pydantic(self, body: bytes) -> Any:
        if b"NaN" in body or b"Infinity" in body:  # pydantic reads them as numbers, but they are not JSON
            parse_json(body)
        return self._adapter.validate_json(body)


def sends_aliases(hint: Any) -> bool:
    """Return whether the first pydantic model in a hint is configured to write its aliases. By default none does."""
    if typing.get_args(hint):
        return any(sends_aliases(part) for part in typing.get_args(hint))
    config = getattr(hint, "model_config", None)
    settings = getattr(sys.modules["pydantic"].ConfigDict, "__annotations__", ())
    is_supported = "serialize_by_alias" in settings  # since pydantic 2.11
    return is_supported and isinstance(config, dict) and bool(config.get("serialize_by_alias"))


class UnconvertibleInput(Converter):
    """Converter of a hint whose values no JSON holds, such as an entity or a class of the user's. An input of a job
    can fill the argument, and an object of this process that is an instance of the hint.
    """

    def __init__(self, hint: Any) -> None:  # Converter's own would refuse the hint
        self.hint = hint
        self._adapter = None
        self.has_defaults = False

    @property
    def pydantic(self) -> bool:
        """True, so that msgspec's struct is not used."""
        return True

    def convert(self, value: Any, path: str, lax: bool = False) -> Any:  # noqa: ARG002
        """Return an instance of the hint. Errors: PayloadValidationError for all else, such as values of a payload."""
        if is_instance(value, self.hint):
            return value
        message = f"no parameter makes {with_article(hint_text(self.hint))}"
        if is_read_as_input(self.hint):
            message += ": give it as `--input`"
        else:
            message += f', found {type(value).__name__}: `run(on="here")` takes an instance'
        raise PayloadValidationError([FieldError(path, message)])


def is_read_as_input(hint: Any) -> bool:
    """Return whether an input of a job fills an argument of this hint: an entity, a table, a path."""
    hint = unwrap_optional(hint)
    if not is_class(hint):
        return False
    is_entity = hint.__module__.partition(".")[0] in ("digitalhub", "ovenbird")
    names = (*TABLES[:1], ("PurePath", "pathlib"))
    return is_entity or hint.__name__ in ENTITIES or any(is_class_named(hint, *each) for each in names)


def decode_custom(hint: Any, value: Any, *, lax: bool = False) -> Any:
    """Build what msgspec does not know: pydantic models, DataFrames, arrays, numpy's numbers, paths.

    `lax` takes numbers from text. Errors: ValueError, TypeError.
    """
    kind = typing.get_origin(hint) or hint
    try:
        if is_pydantic(kind):
            return sys.modules["pydantic"].TypeAdapter(hint).validate_python(value)
        if is_class_named(kind, "ndarray", "numpy"):
            return _make_array(hint, value)
        if issubclass(kind, complex) and isinstance(value, list):
            return complex(*value)
        if any(is_class_named(kind, *table) for table in TABLES):
            if isinstance(value, (list, dict, kind)):
                return value if isinstance(value, kind) else kind(value)
            raise ValueError(f"Expected rows or columns for a {kind.__name__}")
        if number := plain_number(kind):
            return value if isinstance(value, kind) else kind(msgspec.convert(value, number, strict=not lax))
        if is_class_named(kind, "Timestamp", "pandas"):
            return _make_timestamp(kind, value)
        return kind(value)
    except (ValueError, TypeError):
        raise
    except Exception as error:  # such as polars' own; msgspec turns a ValueError into an error of the field
        raise ValueError(f"no {kind.__name__} can be made of it: {str(error).partition(chr(10))[0]}") from None


def _decode_lax(hint: Any, value: Any) -> Any:
    return decode_custom(hint, value, lax=True)


def _make_timestamp(kind: Any, value: Any) -> Any:
    """Return a `pandas.Timestamp` from the text of a date, or from a date. Errors: ValueError."""
    if isinstance(value, kind):
        return value
    if not isinstance(value, (str, datetime.date)) or (time := kind(value)) is sys.modules["pandas"].NaT:
        raise ValueError("Expected a date, such as `2024-01-31T12:00:00`")
    return time


def _make_array(hint: Any, value: Any) -> Any:
    """Return a numpy array of the hint's dtype, such as `float32` of `NDArray[np.float32]`. Errors: ValueError."""
    numpy = sys.modules["numpy"]
    parts = typing.get_args(hint)
    scalar = typing.get_args(parts[1])[0] if len(parts) > 1 and typing.get_args(parts[1]) else None
    dtype = scalar if scalar in numpy.sctypeDict.values() else None
    if not isinstance(value, list):
        if isinstance(value, numpy.ndarray):
            return numpy.asanyarray(value, dtype=dtype)  # the same array, if it is of this type
        raise ValueError("Expected an array of numbers")
    array = numpy.asarray(value, dtype=dtype)
    if array.dtype == object:
        raise ValueError("Expected an array of numbers, all rows of one length")
    return array


def _is_json(value: Any) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_json(part) for key, part in value.items())
    return all(map(_is_json, value)) if isinstance(value, list) else isinstance(value, (str, int, float, type(None)))


def _refuse_unknown(hint: Any) -> None:
    """Raise TypeError when a hint names, at any depth, a class that cannot be made from JSON."""
    todo: list[Any] = [msgspec.inspect.type_info(hint)]
    visited = set()
    while todo:
        node = todo.pop()
        if isinstance(node, msgspec.inspect.CustomType):
            if not _can_decode(typing.get_origin(node.cls) or node.cls):
                raise TypeError(f"{hint_text(node.cls)} cannot be made from JSON")
        elif isinstance(node, (list, tuple)):
            todo += node
        elif isinstance(node, (msgspec.inspect.Type, msgspec.inspect.Field)) and id(node) not in visited:
            visited.add(id(node))
            todo += [getattr(node, name) for name in node.__struct_fields__]


def _can_decode(kind: Any) -> bool:
    """Return whether `decode_custom` can make an object of this class."""
    if is_pydantic(kind) or plain_number(kind) or (is_class(kind) and issubclass(kind, complex)):
        return True
    others = (("ndarray", "numpy"), ("PurePath", "pathlib"), ("Timestamp", "pandas"))
    return any(is_class_named(kind, *names) for names in (*TABLES, *others))


def _describe_class(kind: Any) -> dict[str, Any]:
    """Return the JSON Schema of a class that msgspec does not know."""
    kind = typing.get_origin(kind) or kind
    if hasattr(kind, "model_json_schema"):
        return kind.model_json_schema()  # type: ignore[no-any-return]
    if kind.__name__ in ("DataFrame", "ndarray", "Series"):
        return {"type": ["array", "object"], "description": kind.__name__}
    if number := plain_number(kind):
        return {"type": {int: "integer", float: "number", bool: "boolean"}[number]}
    if is_class_named(kind, "Timestamp", "pandas"):
        return {"type": "string", "format": "date-time"}
    return {"type": "string"}
