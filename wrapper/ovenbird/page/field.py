"""One field of a form, and what an HTML text is."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Any

NO_DEFAULT: Any = type("NoDefault", (), {"__repr__": lambda _: "NO_DEFAULT"})()  # a default may well be None
REST = "**"  # the name of the field that takes further arguments, which no parameter can have


class Html(str):
    """Text that is HTML already. Jinja2 and MarkupSafe do not escape it again."""

    __slots__ = ()

    def __html__(self) -> str:
        """Return the text: the protocol of template engines."""
        return str(self)


class FieldKind(str, enum.Enum):
    """How a value is typed in."""

    INTEGER = "integer"
    NUMBER = "number"
    TEXT = "text"
    SECRET = "secret"  # noqa: S105  # a text that is hidden while it is typed
    SWITCH = "switch"
    CHOICE = "choice"
    CHOICES = "choices"  # several of them
    DATE = "date"
    DATE_TIME = "date-time"
    TIME = "time"
    FILE = "file"
    LIST = "list"  # of scalars, one on each line
    JSON = "json"
    INPUT = "input"  # of a job: the key of an entity, a path or a URL


@dataclass(frozen=True)
class Field:
    """One field of a form.

    `schema`: its JSON Schema without `null`, with `$ref` resolved at its top; `root` holds what it refers to below.
    `choices`: the values to choose from, or those of the items of a list. `suggestions`: texts that are offered.
    `encoding`: `base64` for a file that becomes text in JSON. `many`: several files. `takes_files`: a file of the
    browser's machine may be sent in place of its path.
    """

    name: str
    kind: FieldKind
    label: str
    help: str = ""
    required: bool = True
    nullable: bool = False
    default: Any = NO_DEFAULT
    choices: tuple[Any, ...] = ()
    suggestions: tuple[str, ...] = ()
    schema: dict[str, Any] = field(default_factory=dict)
    root: dict[str, Any] = field(default_factory=dict, repr=False)
    encoding: str = ""
    many: bool = False
    takes_files: bool = False
    multiline: bool = False
