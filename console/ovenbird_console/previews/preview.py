"""The kinds of previews, as the templates below `templates/previews/` show them."""

from __future__ import annotations

from dataclasses import dataclass, field

from markupsafe import Markup

from ovenbird.errors import OvenbirdError

EMPTY = Markup()


class PreviewError(OvenbirdError):
    """The file cannot be shown as what its name says; the message gives the reason."""

    code = "preview"


@dataclass(frozen=True)
class NoPreview:
    """The file is only offered as a download."""

    reason: str
    kind: str = "none"


@dataclass(frozen=True)
class TextPreview:
    """The beginning of a text; `cut` where the file goes on."""

    text: str
    cut: bool
    note: str = ""
    kind: str = "text"


@dataclass(frozen=True)
class ImagePreview:
    """An image that the browser loads from the address of the file; `size` is width and height in pixels."""

    media_type: str
    size: tuple[int, int]
    note: str = ""
    kind: str = "image"


@dataclass(frozen=True)
class MarkupPreview:
    """Markdown as sanitised HTML."""

    markup: Markup
    cut: bool
    kind: str = "markup"


@dataclass(frozen=True)
class JsonNode:
    """A value of JSON: `text` of a leaf or the summary of an object or a list, with `children` and how many more."""

    label: str
    type: str
    text: str
    children: tuple[JsonNode, ...] = ()
    omitted: int = 0


@dataclass(frozen=True)
class JsonPreview:
    """A document of JSON, folded."""

    root: JsonNode
    kind: str = "json"


@dataclass(frozen=True)
class NotebookOutput:
    """An output of a cell: text, or an image as a `data:` URL."""

    text: str = ""
    image: str = ""
    is_error: bool = False


@dataclass(frozen=True)
class NotebookCell:
    """A cell of a notebook: code with its outputs, or Markdown as HTML, or plain text."""

    type: str
    source: str = ""
    markup: Markup = EMPTY
    number: str = ""
    outputs: tuple[NotebookOutput, ...] = ()


@dataclass(frozen=True)
class NotebookPreview:
    """The cells of a notebook, and how many more there are."""

    cells: tuple[NotebookCell, ...]
    omitted: int = 0
    kind: str = "notebook"


@dataclass(frozen=True)
class Bar:
    """A bar of a histogram: from 0 to 1 of the height, with what it counts as a text."""

    height: float
    title: str


@dataclass(frozen=True)
class ColumnPreview:
    """A column of a table. `missing` is counted over `missing_of` rows; cells are text, None where one is missing."""

    name: str
    type: str
    cells: tuple[str | None, ...] = ()
    missing: int | None = None
    missing_of: int | None = None
    range: str = ""
    bars: tuple[Bar, ...] = ()
    is_number: bool = False


@dataclass(frozen=True)
class TablePreview:
    """The first rows of some columns of a table; `rows` and `total_columns` are those of the whole, if known."""

    columns: tuple[ColumnPreview, ...]
    total_columns: int
    first_column: int
    rows: int | None
    sampled: int
    notes: tuple[str, ...] = field(default=())
    kind: str = "table"

    @property
    def indexes(self) -> range:
        """Return the numbers of the rows that are shown."""
        return range(max((len(column.cells) for column in self.columns), default=0))

    @property
    def last_column(self) -> int:
        """Return the number of the last column that is shown, counted from 1."""
        return self.first_column + len(self.columns)


Preview = NoPreview | TextPreview | ImagePreview | MarkupPreview | JsonPreview | NotebookPreview | TablePreview
