"""`spec.source.root`: a function whose modules are found from a folder above its document."""

from __future__ import annotations

from pathlib import Path

import pytest

from ovenbird.errors import DocumentError, LoadError
from ovenbird.function.target import from_document
from ovenbird.function_document import read


def write(folder: Path, source: str) -> Path:
    """A document in a folder of a monorepo."""
    greet = folder / "services" / "greet"
    greet.mkdir(parents=True, exist_ok=True)
    (greet / "main.py").write_text("def handler(): return 1\n")
    (folder / "data").mkdir(exist_ok=True)
    path = greet / "function.yaml"
    path.write_text(f"kind: python\nname: greet\nspec: {{source: {source}}}\n")
    return path


@pytest.mark.parametrize(
    "source",
    [
        "{root: ../.., source: main.py, handler: handler}",
        "{root: ../.., source: main.py, handler: 'services.greet.main:handler'}",
        "{root: ../.., handler: 'services.greet.main:handler'}",
        "{root: ../.., source: ., handler: 'services.greet.main:handler'}",
    ],
)
def test_modules_are_found_from_the_root(tmp_path: Path, source: str) -> None:
    """A bare handler is of the module that the source is, as it is called from there."""
    target = from_document(read(write(tmp_path, source)))
    assert (target.root, target.module, target.attribute) == (tmp_path, "services.greet.main", "handler")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("{root: ../none, handler: h}", "no folder '../none'"),
        ("{root: ../../data, handler: h}", "does not lie in '../../data'"),
        ("{root: main.py, handler: h}", "no folder 'main.py'"),
        ("{root: ., source: ../../data, handler: h}", r"data' does not lie in '\.'"),
        ("{root: ../.., code: x, handler: h}", "only a source of this machine has one"),
        ("{root: ../.., source: 'git+https://host/x', handler: h}", "only a source of this machine has one"),
        ("{root: 3, handler: h}", "spec.source.root: expected text"),
        ("{include: a, handler: h}", "spec.source.include: expected a list"),
        ("{exclude: ['', 3], handler: h}", r"spec.source.exclude\[1\]: expected one pattern as text, found 3"),
    ],
)
def test_an_invalid_root_is_refused(tmp_path: Path, source: str, words: str) -> None:
    """When the document is read."""
    with pytest.raises(DocumentError, match=words):
        read(write(tmp_path, source))


def test_the_error_for_an_archive_says_what_it_is(tmp_path: Path) -> None:
    """A build unpacks it; a service looks for modules in a folder."""
    for name in ("app.zip", "app.tar.gz"):
        (tmp_path / name).write_bytes(b"")
        document = write(tmp_path, f"{{source: '../../{name}#src', handler: handler}}")
        with pytest.raises(LoadError, match=r"is an archive, which a build unpacks \(unpack it"):
            from_document(read(document))
        assert from_document(read(document), str(tmp_path)).root == tmp_path
