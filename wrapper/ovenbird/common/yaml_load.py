"""YAML from people, with limits: what a document expands to, how deep it nests, how long its numbers are.

A key that is written twice in one mapping is an error: PyYAML would take the last one without a word.

PyYAML shares what an alias refers to, so a short document loads at once; whatever walks over the value afterwards (to
show it, to check it, to write it as JSON) meets every repetition. So expansion is counted while nodes are composed. The
pure Python loader is meant: the C one overflows the C stack on deep nesting, and ends the process.
"""

from __future__ import annotations

import datetime
import math
import re
from base64 import b64encode
from typing import Any

import yaml
from yaml.composer import ComposerError
from yaml.constructor import ConstructorError

from .text import show_value

LARGEST = 16 * 1024 * 1024  # characters
EXPANDED = 100_000  # values that aliases may add to those that are written out
DEEPEST = 100  # levels
LONGEST_NUMBER = 400  # characters; a float has at most 309 digits before its point


class _Loader(yaml.SafeLoader):
    """SafeLoader, which knows no tags of Python, with limits."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._sizes: dict[int, int] = {}  # node -> the number of values that it expands to
        self._added = 0
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
        is_alias = self.check_event(yaml.AliasEvent)
        if self._depth >= DEEPEST:
            raise ComposerError(None, None, f"nested more than {DEEPEST} levels deep", mark)
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        if node is None:
            return None
        if isinstance(node, yaml.ScalarNode) and not is_alias and not _is_unicode(node.value):
            raise ComposerError(None, None, "a lone surrogate, which is not a character", mark)
        if not is_alias:
            self._sizes[id(node)] = self._size(node)
        elif id(node) not in self._sizes:  # its end has not been read yet
            raise ComposerError(None, None, "an alias to a value that contains it", mark)
        else:
            self._added += self._sizes[id(node)]
            if self._added > EXPANDED:
                raise ComposerError(None, None, f"its aliases expand to more than {EXPANDED} values", mark)
        return node

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """Compose a mapping whose keys differ. Keys are compared here, before `<<` brings those of other mappings."""
        node = super().compose_mapping_node(anchor)
        lines: dict[Any, int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == _MERGE:  # a second `<<` adds to the first
                continue
            value = key.value if key.tag == _TEXT else self.construct_object(key)
            if value in lines:
                message = f"duplicate key {show_value(key.value)}, which line {lines[value]} has already"
                raise ComposerError(None, None, message, key.start_mark)
            lines[value] = key.start_mark.line + 1
        return node

    def _size(self, node: yaml.Node) -> int:
        if isinstance(node, yaml.MappingNode):
            return 1 + sum(self._sizes[id(key)] + self._sizes[id(value)] for key, value in node.value)
        if isinstance(node, yaml.SequenceNode):
            return 1 + sum(self._sizes[id(item)] for item in node.value)
        return 1

    def construct_number(self, node: yaml.Node) -> Any:
        if len(node.value) > LONGEST_NUMBER:
            raise ConstructorError(None, None, "a number that is too long", node.start_mark)
        return self._construct_checked(node)

    def _construct_checked(self, node: yaml.Node) -> Any:
        """Return the scalar as SafeLoader reads it. Errors: ConstructorError for a value that its type cannot hold."""
        try:
            return yaml.SafeLoader.yaml_constructors[node.tag](self, node)
        except _UNFIT:
            kind = str(node.tag).rpartition(":")[2]
            text = f"{show_value(node.value)} is not a valid {kind}"
            raise ConstructorError(None, None, text, node.start_mark) from None


_TEXT, _MERGE = "tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"
# what SafeLoader raises for a value that does not fit its tag, `!!int ""` or `!!bool maybe`
_UNFIT = (ValueError, OverflowError, AttributeError, TypeError, LookupError)
_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_number)
_Loader.add_constructor("tag:yaml.org,2002:float", _Loader.construct_number)
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _Loader._construct_checked)
_Loader.add_constructor("tag:yaml.org,2002:bool", _Loader._construct_checked)


class _ParameterLoader(_Loader):
    """A loader to which `1e-3` is a number, as in YAML 1.2; in YAML 1.1, which PyYAML reads, it lacks a point."""


_ParameterLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"), list("-+0123456789")
)


def to_json_value(value: Any) -> Any:
    """Return a value of `load_yaml` with the types of JSON only, which all JSON encoders encode alike.

    A date becomes its ISO text, bytes base64, a set a sorted list, a number that JSON lacks (`.nan`, `.inf`) its text,
    and a key text, by its form in JSON: `1`, `true`, `null`.
    """
    if isinstance(value, dict):
        return {_to_json_key(key): to_json_value(item) for key, item in value.items()}
    if isinstance(value, (set, frozenset)):
        return [to_json_value(item) for item in sorted(value, key=_to_json_key)]
    if isinstance(value, (list, tuple)):  # a pair of `!!omap` is a tuple
        return [to_json_value(item) for item in value]
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, bytes):
        return b64encode(value).decode()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def _to_json_key(key: Any) -> str:
    if key is None or isinstance(key, bool):
        return {None: "null", True: "true", False: "false"}[key]
    return str(to_json_value(key))


def _is_unicode(text: str) -> bool:
    try:
        return text.isascii() or bool(text.encode())
    except UnicodeEncodeError:
        return False


def load_yaml(text: str, *, parameters: bool = False) -> Any:
    """Return the value of a YAML text. With `parameters`, `1e-3` is a number; elsewhere it may be a commit or a name.

    Errors: ValueError that says what is wrong and in which line and column.
    """
    if len(text) > LARGEST:
        raise ValueError(f": {len(text)} characters, of at most {LARGEST}")
    try:
        return (_ParameterLoader if parameters else _Loader)(text).get_single_data()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        reason = getattr(error, "problem", None) or " ".join(str(error).split())
        raise ValueError(f"{where}: {reason}") from None
    except RecursionError:
        raise ValueError(": too deeply nested") from None
    except _UNFIT as error:
        raise ValueError(f": {type(error).__name__}: {show_value(str(error))}") from None
