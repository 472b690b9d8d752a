"""Find the source that made a namespace: the cells of a notebook, a script, the entries of the REPL, a doctest.

IPython is asked only where it is loaded already.
"""

from __future__ import annotations

import ast
import io
import linecache
import re
import sys
import tokenize
import types
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .syntax_tree import parse_python

# what runs the body of a cell as it is, in the same namespace
_TRANSPARENT_MAGICS = ("time", "capture", "prun")
_ENTRY = re.compile(r"(<python-input-|<stdin>-|<pyshell#)(\d+)>?")
_DOCTEST = re.compile(r"(<doctest .+\[)(\d+)\]>", re.DOTALL)


@dataclass(frozen=True, slots=True)
class SourceUnit:
    """A piece of source that ran as a whole. `position` is that of the first run of the same text."""

    label: str
    text: str
    position: int
    path: Path | None = None


def find_units(namespace: dict[str, Any], file_name: str) -> list[SourceUnit]:
    """Return the units that ran in a namespace, in the order in which they ran; a cell that ran twice is there twice.

    `file_name` is that of the code of a function in the namespace. The list is empty when there is no source.
    """
    shell = _find_shell(namespace)
    if shell is not None:
        return _list_cells(shell)
    units = []
    path = namespace.get("__file__") or file_name
    if isinstance(path, str) and (text := read_file(path, namespace)) is not None:
        units.append(SourceUnit(Path(path).name, text, 0, Path(path)))
    for pattern, label in ((_ENTRY, "input"), (_DOCTEST, "example")):
        if match := pattern.fullmatch(file_name):
            units += _list_entries(match[1], file_name[match.end(2) :], label, namespace)
    return units


def read_file(path: str, namespace: dict[str, Any] | None = None) -> str | None:
    """Return the text of a Python file as it is now, or of a module in an archive; None when it cannot be read."""
    try:
        return decode_source(Path(path).read_bytes())
    except (OSError, ValueError):
        pass
    except (SyntaxError, UnicodeError, LookupError):
        return None
    if path.startswith("<"):
        return None
    return "".join(linecache.getlines(path, namespace)) or None


def decode_source(content: bytes) -> str:
    """Return the text of a Python file, with `\\n` at the ends of lines, and a coding cookie that says UTF-8."""
    encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
    text = io.TextIOWrapper(io.BytesIO(content), encoding, newline=None).read()
    if encoding.startswith("utf-8"):
        return text
    cookie = re.compile(r"^([ \t\f]*#.*?coding[:=][ \t]*)[-\w.]+")
    lines = text.split("\n")
    lines[:2] = [cookie.sub(r"\1utf-8", line) for line in lines[:2]]
    return "\n".join(lines)


def _find_shell(namespace: dict[str, Any]) -> Any:
    """Return the shell of IPython whose namespace this is, or None."""
    module = sys.modules.get("IPython.core.getipython")
    shell = module.get_ipython() if module is not None else None
    return shell if shell is not None and shell.user_ns is namespace else None


def _list_cells(shell: Any) -> list[SourceUnit]:
    """Return the cells of a session in the order in which they ran, with magics as IPython rewrote them."""
    units = []
    positions: dict[str, int] = {}
    for number, text in enumerate(shell.history_manager.input_hist_parsed):
        if number and isinstance(text, str) and text.strip():
            body = _read_magic_body(text, shell)
            units.append(SourceUnit(f"cell {number}", body, positions.setdefault(text, number)))
    return units


def _read_magic_body(text: str, shell: Any) -> str:
    """Return the body of a cell that a magic such as `%%time` runs as it is; any other cell stays what it is."""
    if "run_cell_magic" not in text:
        return text
    try:
        statement = parse_python(text).body[0]
    except (SyntaxError, ValueError, IndexError):
        return text
    if (
        isinstance(statement, ast.Expr)
        and isinstance(call := statement.value, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr == "run_cell_magic"
        and all(isinstance(argument, ast.Constant) for argument in call.args)
    ):
        name, _, body = (argument.value for argument in call.args if isinstance(argument, ast.Constant))
        if name in _TRANSPARENT_MAGICS:
            return _read_magic_body(str(shell.transform_cell(body)), shell)
    return text


def _list_entries(begin: str, end: str, label: str, namespace: dict[str, Any]) -> list[SourceUnit]:
    """Return the entries of a REPL or of a doctest that `linecache` holds, in their order."""
    if label == "example":
        numbers = list(range(_count_examples(begin, end, namespace)))
    else:
        names = [_ENTRY.fullmatch(name) for name in linecache.cache]
        numbers = sorted(int(match[2]) for match in names if match and match[1] == begin)
    units = []
    for number in numbers:
        text = "".join(linecache.getlines(f"{begin}{number}{end}", namespace))
        if text.strip():
            units.append(SourceUnit(f"{label} {number + 1}", text, number + 1))
    return units


def _count_examples(begin: str, end: str, namespace: dict[str, Any]) -> int:
    """Return how many examples of a running doctest have source; none once it has ended."""
    number = 0
    try:
        while linecache.getlines(f"{begin}{number}{end}", namespace):
            number += 1
    except (IndexError, AttributeError):  # how doctest's own `getlines` ends
        pass
    return number


def describe_origin(code: types.CodeType) -> str:
    """Return where code without source comes from, for a message."""
    name = code.co_filename
    if name in ("<stdin>", "<console>"):
        return "it was typed into a REPL that keeps no source, or read from stdin"
    if name == "<string>":
        return "it was made by `exec`, `eval` or `python -c`"
    if name.startswith("<frozen "):
        return "its module is frozen into the interpreter"
    if name.startswith("<ipython-input-") or "/ipykernel_" in name:
        return "the history of the notebook was cleared"
    if name.startswith("<doctest "):
        return "its doctest has ended"
    return f"there is no source at `{name}`"
