"""Functions that a file certainly does not define are refused before it is imported."""

from __future__ import annotations

from pathlib import Path

import pytest

import ovenbird
from ovenbird.errors import AttributeMissingError
from ovenbird.function.target import parse
from ovenbird.function.undefined_names import refuse_undefined

TEXT = """
import os
raise SystemExit("imported")
def train(): ...
def evaluate(): ...
class Model:
    def fit(self): ...
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a module whose import would end the process."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.py").write_text(TEXT)
    return tmp_path


@pytest.mark.parametrize(
    ("target", "name", "hint"),
    [
        ("m.py:trian", "trian", "did you mean 'train'?"), ("m:nope", "nope", "found: Model, evaluate, train"),
        ("m.py", "handler", "found: Model, evaluate, train"), ("m.py:Modell.fit", "Modell", "did you mean 'Model'?"),
        ("m.py:fit", "fit", "found: Model, evaluate, train"),
    ],
)  # fmt: skip
def test_a_name_that_is_not_defined_is_refused_at_once(folder: Path, target: str, name: str, hint: str) -> None:
    """With what may be meant; the module is not imported."""
    with pytest.raises(AttributeMissingError) as caught:
        ovenbird.function(target)
    assert caught.value.message == f"'{folder / 'm.py'}' does not define '{name}'"
    assert caught.value.hint == hint


@pytest.mark.parametrize(
    "target", ["m.py:train", "m.py:Model.fit", "m.py:Model.no_such", "m:evaluate", "gone:f", "m.py:os"]
)
def test_what_may_be_there_is_left_to_the_import(target: str) -> None:
    """A name at the top, whatever follows it, and a module that is somewhere else."""
    refuse_undefined(parse(target))


@pytest.mark.parametrize(
    "text",
    [
        "from other import *", "globals()['f'] = 1", "def __getattr__(name): ...", "setattr(m, 'f', 1)", "def broken(:",
        "exec('f = 1')", "\0", "for f in []: ...", "try:\n    from a import f\nexcept ImportError:\n    f = None",
    ],
)  # fmt: skip
def test_a_file_that_may_define_it_is_left_to_the_import(folder: Path, text: str) -> None:
    """By a star, code that is made, or an error that its import tells better."""
    (folder / "m.py").write_text(text)
    refuse_undefined(parse("m.py:f"))


def test_a_decorated_function_stands_for_the_default(folder: Path) -> None:
    """`m.py` alone means the one that the decorator marks; a package may have any module as an attribute."""
    (folder / "m.py").write_text("import ovenbird as ob\n@ob.handler\ndef train(): ...\n")
    refuse_undefined(parse("m.py"))
    (folder / "m.py").write_text("import ovenbird as ob\ndef train(): ...\nob.handler(train)\n")
    refuse_undefined(parse("m.py"))
    (folder / "pkg").mkdir()
    (folder / "pkg/__init__.py").touch()
    (folder / "pkg/sub.py").touch()
    refuse_undefined(parse("pkg:sub"))


def test_the_handler_of_a_document_is_looked_for(folder: Path) -> None:
    """The document is in the message of what reads it; here the file is named."""
    (folder / "function.yaml").write_text(
        "kind: python\nname: f\nspec:\n  source:\n    source: m.py\n    handler: m:fitt\n"
    )
    with pytest.raises(AttributeMissingError, match=r"m.py' does not define 'fitt'"):
        ovenbird.function("function.yaml")
