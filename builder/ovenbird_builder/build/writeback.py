"""Set `spec.image` in a function document, and change nothing else of its text: comments and order stay."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from ovenbird.common.atomic_files import replacing
from ovenbird.common.output_path import find_write_problem
from ovenbird.common.text import show_value
from ovenbird.function_document import parse

from ..errors import BuildRequestError, ImageError

_SPEC = re.compile(r"""(?:spec|'spec'|"spec")[ ]*:\s*(?:#.*)?$""")
_KEY = re.compile(r"""(?P<indent> +)(?:image|'image'|"image")[ ]*:(?P<value>.*)$""")


def write_image(path: Path, name: str) -> None:
    """Write the name of an image into the document at `path`, whole or not at all.

    Errors: ImageError when the document cannot be written, or has a form in which one line cannot be set.
    """
    try:
        text = path.read_bytes().decode("utf-8")
        edited = edit_image(text, name)
        _check(text, edited, name, path)
        if edited != text:
            _replace(path, edited)
    except OSError as error:
        raise ImageError(f"--write-back: cannot write {show_value(str(path))}: {error.strerror}") from None


def check_document(path: Path) -> None:
    """Refuse a document that could not be written when the image is pushed. Errors: BuildRequestError."""
    try:
        text = path.read_bytes().decode("utf-8")
        _check(text, edit_image(text, "NAME"), "NAME", path)
    except ImageError as error:
        raise BuildRequestError(
            error.message,
            hint="write `spec:` on a line of its own, and what belongs to it below, one field on each line",
        ) from None
    except OSError as error:
        raise BuildRequestError(f"--write-back: cannot read {show_value(str(path))}: {error.strerror}") from None
    if problem := find_write_problem(path):
        raise BuildRequestError(f"--write-back: {problem}")


def edit_image(text: str, name: str) -> str:
    """Return the text with `spec.image` set: its line replaced, or added as the first of `spec`."""
    end = "\r\n" if "\r\n" in text else "\n"
    lines = text.splitlines(keepends=True)
    start = next((number for number, line in enumerate(lines) if _SPEC.match(line)), None)
    if start is None:
        raise ImageError(
            "--write-back: `spec:` does not begin a block of its own in the function document",
            hint=f"set it by hand: `spec.image: {name}`",
        )
    indent, image_line = "", None
    for number in range(start + 1, len(lines)):
        line = lines[number]
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = re.match(r" +", line)
        if not match:
            break
        indent = indent or match[0]
        key = _KEY.match(line.rstrip("\r\n"))
        if key and key["indent"] == indent:
            image_line = (number, key["value"])
            break
    new = f"{indent or '  '}image: {name}"
    if image_line is None:
        lines.insert(start + 1, new + end)
        if not lines[start].endswith("\n"):
            lines[start] += end
        return "".join(lines)
    number, value = image_line
    comment = re.search(r"\s+#.*$", value)
    ending = lines[number][len(lines[number].rstrip("\r\n")) :]
    lines[number] = new + (comment[0] if comment else "") + ending
    return "".join(lines)


def _check(before: str, after: str, name: str, path: Path) -> None:
    """Refuse a new text that does not say what the old one said, and the new image. Errors: ImageError."""
    old, new = parse(before, str(path)), parse(after, str(path))
    expected = {**old, "spec": {**old["spec"], "image": name}}
    if _canonicalize(new) != _canonicalize(expected):
        raise ImageError(
            f"--write-back: {show_value(str(path))} has a form in which `spec.image` cannot be set as one line",
            hint=f"set it by hand: `spec.image: {name}`",
        )


def _canonicalize(document: dict[str, Any]) -> str:
    """Return a text that is the same for the same document. Keys of YAML may be of any type, which JSON cannot sort."""
    try:
        return json.dumps(document, sort_keys=True, default=str)
    except (TypeError, ValueError, RecursionError):  # a key that is no text, or a mapping within itself
        return f"a document of another kind: {id(document)}"


def _replace(path: Path, text: str) -> None:
    real = path.resolve()
    with replacing(real, mode=real.stat().st_mode & 0o777) as draft:
        draft.write_bytes(text.encode())
