"""The result file of a build: which functions it has built, and as which images."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from msgspec import Struct

from ovenbird.common.text import show_value

from ..errors import BuildRequestError

_HINT = "a file that `ovenbird build --result-file FILE` has written"


class BuiltFunction(Struct, frozen=True):
    """A function that was built: its target, and the image by tag and digest."""

    target: str
    image: str


def read(path: Path, target: str, notes: list[str]) -> list[BuiltFunction]:
    """Return the content of a result file, of one target where that is named; notes name targets that were not built.

    Errors: BuildRequestError for a file that is no result, and when it has no function left.
    """
    rows = _read_rows(path)
    if target:
        rows = [row for row in rows if target.rstrip("/") in _list_names(row)]
        if not rows:
            raise BuildRequestError(f"--build-result: {show_value(str(path))} holds no function {show_value(target)}")
    functions = []
    for row in rows:
        function = row["function"]
        if "digest" not in row:
            code = (row.get("error") or {}).get("code", "planned only")
            notes.append(f"{function['name']} was not built ({code}), so there are no manifests of it")
            continue
        if not set(row.get("outputs") or ()) & {"registry"}:
            notes.append(f"{row['image']} was not pushed, so no cluster finds it")
        functions.append(BuiltFunction(function["path"], f"{row['image']}@{row['digest']}"))
    if not functions:
        raise BuildRequestError(f"--build-result: {show_value(str(path))} holds no function that was built")
    return functions


def _list_names(row: dict[str, Any]) -> tuple[str, ...]:
    function = row["function"]
    path = Path(function["path"])
    return (function["name"], function["target"].rstrip("/"), str(path), str(path.parent))


def _read_rows(path: Path) -> list[dict[str, Any]]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BuildRequestError(f"--build-result: cannot read {show_value(str(path))}: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise BuildRequestError(f"--build-result: {show_value(str(path))} is not JSON", hint=_HINT) from None
    rows = document.get("functions", [document]) if isinstance(document, dict) else None
    if not isinstance(rows, list) or not all(_is_row(row) for row in rows):
        raise BuildRequestError(f"--build-result: {show_value(str(path))} is not the result of a build", hint=_HINT)
    return rows


def _is_row(row: Any) -> bool:
    """Return whether a value has what is read of it, of the right kind."""
    if not isinstance(row, dict) or not isinstance(row.get("function"), dict):
        return False
    texts = [row["function"].get(key) for key in ("name", "target", "path")] + [row.get("image")]
    lists = isinstance(row.get("outputs", []), list) and isinstance(row.get("error", {}), dict)
    return lists and all(isinstance(text, str) for text in [*texts, row.get("digest", "")])
