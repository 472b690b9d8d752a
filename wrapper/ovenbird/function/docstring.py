"""Read what a docstring says of each argument: in the forms of Google, NumPy and Sphinx."""

from __future__ import annotations

import re

_SECTION = re.compile(
    r"^(args|arguments|parameters|params|returns?|raises|yields?|examples?|notes?|attributes|see also)[ \t]*:?[ \t]*$",
    re.IGNORECASE,
)
_OF_SPHINX = ":param:"
_OF_ARGUMENTS = ("args", "arguments", "parameters", "params")
_GOOGLE = re.compile(r"^\*{0,2}(\w+)\s*(?:\([^)]*\))?\s*:\s*(.*)$")
_NUMPY = re.compile(r"^\*{0,2}(\w+(?:\s*,\s*\w+)*)\s*(?::\s.*|:)?$")
_SPHINX = re.compile(r"^:(?:param|parameter|arg|argument)\s+(?:[^:]*\s)?\*{0,2}(\w+)\s*:\s*(.*)$")


def split_docstring(text: str) -> tuple[str, dict[str, str]]:
    """Return the prose of a docstring without its sections, and the text on each argument, on one line.

    `text` is as `inspect.getdoc` returns it. What is in no known form is prose.
    """
    reader = _Reader()
    lines = text.splitlines()
    for line, following in zip(lines, [*lines[1:], ""], strict=False):  # no line has no next one
        reader.read(line, following)
    arguments = {name: " ".join(parts).strip() for name, parts in reader.arguments.items()}
    return "\n".join(reader.prose).strip(), {name: words for name, words in arguments.items() if words}


class _Reader:
    """Reads a docstring line by line. `margin` is the indentation of the arguments of a section."""

    def __init__(self) -> None:
        self.prose: list[str] = []
        self.arguments: dict[str, list[str]] = {}
        self._section = ""
        self._current: list[str] | None = None
        self._margin: int | None = None

    def read(self, line: str, following: str) -> None:
        """Read one line; `following` is the next one."""
        bare, indent = line.strip(), len(line) - len(line.lstrip())
        match, sphinx = _SECTION.match(line), _SPHINX.match(bare)
        if match and _is_heading(line, following):
            self._enter(match[1].lower(), None)
        elif sphinx:
            self._enter(_OF_SPHINX, indent)
            self._current = self.arguments.setdefault(sphinx[1], [sphinx[2]])
        elif bare.startswith(":") and bare.count(":") >= 2:
            self._enter(_OF_SPHINX, indent)  # :returns:, :raises X:
        elif self._ends(bare, indent):
            self._enter("", None)
            self.prose.append(line)
        elif bare and not set(bare) <= {"-", "="}:
            self._read_argument(bare, indent)

    def _enter(self, section: str, margin: int | None) -> None:
        self._section, self._margin, self._current = section, margin, None

    def _ends(self, bare: str, indent: int) -> bool:
        """Return whether a line is prose: outside of a section, or less indented than the one before it."""
        if self._section == _OF_SPHINX:
            return not bare or indent <= (self._margin or 0)
        return not self._section or bool(self._section in _OF_ARGUMENTS and self._margin and bare and not indent)

    def _read_argument(self, bare: str, indent: int) -> None:
        """Read a line of a section: it begins an argument, or goes on with the one before it."""
        if self._section in _OF_ARGUMENTS:
            self._margin = indent if self._margin is None else self._margin
            begun = _begin(bare, numpy=not self._margin) if indent <= self._margin else None
            if begun is not None:
                names, text = begun
                self._current = [text]
                self.arguments.update(dict.fromkeys(names, self._current))
                return
        if self._current is not None:
            self._current.append(bare)


def _is_heading(line: str, following: str) -> bool:
    """Return whether a line with the name of a section begins one: by its colon, or by the line below it."""
    underline = following.strip()
    return line.rstrip().endswith(":") or (len(underline) >= 3 and set(underline) <= {"-", "="})


def _begin(line: str, *, numpy: bool) -> tuple[list[str], str] | None:
    """Return the names of the arguments that a line begins to describe and its text; None if it goes on."""
    if not numpy:
        match = _GOOGLE.match(line)
        return ([match[1]], match[2]) if match else None
    match = _NUMPY.match(line)
    return ([name.strip() for name in match[1].split(",")], "") if match else None
