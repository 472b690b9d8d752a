"""What is told of the handler's file before an image is made of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ovenbird.document import Function
from ovenbird_builder.sources.entry import check


def told(root: Path, handler: str, **files: str) -> tuple[str, ...]:
    """The warnings for a handler in a folder with these modules."""
    for name, text in files.items():
        (root / f"{name}.py").write_text(text)
    return check(Function(root, "f", handler, source="."), root, "local")


@pytest.mark.parametrize(
    "text",
    [
        "def handler(): pass",
        "from other import thing as handler",
        "try:\n    import x as handler\nexcept ImportError:\n    handler = None",
        "class handler:\n    pass",
        "from other import *",
        "globals()['han' + 'dler'] = print",
        "def __getattr__(name): ...",
    ],
)
def test_a_handler_that_is_there_or_may_be(tmp_path: Path, text: str) -> None:
    """Nothing is told of it."""
    assert told(tmp_path, "main:handler", main=text) == ()


def test_what_cannot_run(tmp_path: Path) -> None:
    """A name that is nowhere, with a near one; a file that is no Python, with its line; a module that is not there."""
    assert told(tmp_path, "main:handelr", main="def handler(): pass") == (
        "main.py does not seem to define the handler 'handelr'; did you mean 'handler'?",
    )
    assert told(tmp_path, "broken:handler", broken="x = 1\ndef handler() return 1")[0].startswith(
        "broken.py, line 2: SyntaxError: "
    )
    assert "null bytes" in told(tmp_path, "zero:handler", zero="\0")[0]
    assert told(tmp_path, "other.mod:fn") == (
        "local: there is no module 'other.mod' in the source, so a dependency has to bring it",
    )


def test_a_package(tmp_path: Path) -> None:
    """Its __init__ is its file; a dotted attribute is looked for by its first part."""
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "__init__.py").write_text("class Model:\n    def score(self): ...\n")
    assert told(tmp_path, "pkg:Model.score") == ()
    assert "'Modell'" in told(tmp_path, "pkg:Modell.score")[0]
