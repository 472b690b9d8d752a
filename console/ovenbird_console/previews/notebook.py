"""A Jupyter notebook as its cells: code, outputs as text and images, Markdown; nothing in it runs."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from typing import Any

from ovenbird.common.text import escape_controls

from .images import MOST_PIXELS, detect_image, measure_image
from .json_tree import parse_json
from .markdown import render_markdown
from .preview import EMPTY, NotebookCell, NotebookOutput, NotebookPreview, PreviewError

_MOST_CELLS = 200
_MOST_OUTPUTS = 30  # of a cell
_TEXT = 20_000  # characters of a cell or an output
_IMAGES = ("image/png", "image/jpeg", "image/gif", "image/webp")
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def preview_notebook(text: str) -> NotebookPreview:
    """Return the cells of a notebook. Errors: PreviewError."""
    cells = _list_cells(parse_json(text))
    shown = tuple(map(_describe_cell, cells[:_MOST_CELLS]))
    return NotebookPreview(shown, len(cells) - len(shown))


def _list_cells(document: Any) -> list[Any]:
    """Return the cells of a notebook of format 3 or 4."""
    if isinstance(document, dict) and isinstance(document.get("worksheets"), list):
        sheets = [sheet for sheet in document["worksheets"] if isinstance(sheet, dict)]
        return [cell for sheet in sheets for cell in sheet.get("cells") or []]
    cells = document.get("cells") if isinstance(document, dict) else None
    if not isinstance(cells, list):
        raise PreviewError("this is no notebook: it has no list of cells")
    return cells


def _describe_cell(cell: Any) -> NotebookCell:
    if not isinstance(cell, dict):
        return NotebookCell("raw", _clean(cell))
    source = _clean(cell.get("source", cell.get("input", "")))
    if cell.get("cell_type") == "markdown":
        return NotebookCell("markdown", markup=render_markdown(source))
    if cell.get("cell_type") != "code":
        return NotebookCell("raw", source)
    outputs = cell.get("outputs")
    outputs = outputs if isinstance(outputs, list) else []
    described = map(_describe_output, outputs[:_MOST_OUTPUTS])
    count = cell.get("execution_count")
    return NotebookCell("code", source, EMPTY, str(count) if isinstance(count, int) else " ", tuple(described))


def _describe_output(output: Any) -> NotebookOutput:
    """Return an output: its image, else its text; HTML and scripts are left out."""
    if not isinstance(output, dict):
        return NotebookOutput(_clean(output))
    if output.get("output_type") == "error":
        trace = output.get("traceback")
        lines = "\n".join(map(str, trace)) if isinstance(trace, list) else output.get("evalue", "")
        return NotebookOutput(_clean(lines), is_error=True)
    data = output.get("data")
    if isinstance(data, dict):
        if image := next(filter(None, (_make_image(data.get(name)) for name in _IMAGES)), ""):
            return NotebookOutput(_clean(data.get("text/plain", "")), image)
        left_out = f"({', '.join(map(str, list(data)[:5]))}: not shown)" if data else ""
        return NotebookOutput(_clean(data.get("text/plain", left_out)))
    return NotebookOutput(_clean(output.get("text", "")), is_error=output.get("name") == "stderr")


def _make_image(encoded: Any) -> str:
    """Return an image as a `data:` URL, when its bytes are those of one; empty text for anything else."""
    try:
        data = b64decode(_join(encoded)) if encoded else b""
    except ValueError:
        return ""
    size = measure_image(data)
    if size is None or size[0] * size[1] > MOST_PIXELS:
        return ""
    return f"data:{detect_image(data)};base64,{b64encode(data).decode()}"


def _clean(value: Any) -> str:
    """Return a text, or a list of lines, without the colours of a terminal and bounded."""
    text = _ANSI.sub("", _join(value)[: _TEXT * 2])
    lines = [escape_controls(line) for line in text[:_TEXT].replace("\t", "    ").splitlines()]
    return "\n".join(lines) + ("\n(cut here)" if len(text) > _TEXT else "")


def _join(value: Any) -> str:
    return "".join(map(str, value)) if isinstance(value, list) else str(value)
