"""Sources of a session: cells of a notebook, entries of a REPL, a doctest, stdin, an archive."""

from __future__ import annotations

import doctest
import subprocess
import sys
import types
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.scripts import call_in_fresh_process, import_file

from ovenbird.capture.capture_source import capture_source
from ovenbird.capture.source_units import decode_source
from ovenbird.errors import CaptureError

Cells = Callable[..., dict[str, Any]]


@pytest.fixture
def cells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cells]:
    """Run cells in a shell of IPython, and return its namespace."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    config = Config()
    config.HistoryManager.enabled = False
    shell = InteractiveShell.instance(config=config)

    def run(*texts: str) -> dict[str, Any]:
        for text in texts:
            shell.run_cell(text, store_history=True)
        return shell.user_ns  # type: ignore[no-any-return]

    yield run
    InteractiveShell.clear_instance()


def test_cells_become_one_module(cells: Cells, tmp_path: Path) -> None:
    """Each statement that the function needs comes along, in the order of the cells; magics and results do not."""
    names = cells(
        "%time x = 1\nimport json\nimport math as m",
        "from dataclasses import dataclass\nDEPTH = 3  # levels",
        "%%time\n@dataclass\nclass Row:\n    depth: int = DEPTH\n\ndef helper(row):\n    return m.sqrt(row.depth + 1)",
        "!true\nfiles = !ls\nhelper(Row())",
        "def train():\n    return json.dumps([helper(Row()), DEPTH])\n\ntrain()",
    )
    captured = capture_source(names["train"])
    assert captured.text == (
        "import json\nimport math as m\n\nfrom dataclasses import dataclass\nDEPTH = 3  # levels\n\n\n"
        "@dataclass\nclass Row:\n    depth: int = DEPTH\n\n\ndef helper(row):\n    return m.sqrt(row.depth + 1)\n\n\n"
        "def train():\n    return json.dumps([helper(Row()), DEPTH])\n"
    )
    assert captured.file_name == "main.py"
    assert call_in_fresh_process(captured, "train()", tmp_path / "captured") == repr("[2.0, 3]")
    assert capture_source(names["train"]) == captured


def test_the_newest_definition_counts(cells: Cells) -> None:
    """A cell that was edited and run again takes the place of the old one; run again unchanged, nothing moves."""
    first = "def helper():\n    return 1"
    names = cells("SIZE = 1", first, "def f():\n    return helper() + SIZE")
    before = capture_source(names["f"])
    cells("SIZE = 1", first)
    assert capture_source(names["f"]) == before
    cells("def helper():\n    return 2", "SIZE = 5")
    after = capture_source(names["f"]).text
    assert "return 2" in after
    assert "return 1" not in after
    assert "SIZE = 5" in after
    old = names["f"]
    cells("def f():\n    return helper()")
    assert "SIZE" not in capture_source(names["f"]).text
    with pytest.raises(CaptureError, match=r"`f`.* was defined again since"):
        capture_source(old)


def test_what_runs_first_comes_first(cells: Cells, tmp_path: Path) -> None:
    """A decorator, a base or a default whose cell was edited later stands above what uses it at once."""
    decorator = "def twice(function):\n    def inner():\n        return FACTOR * function()\n    return inner"
    names = cells("FACTOR = 1", decorator, "class Base:\n    pass", "@twice\ndef f():\n    return Child.value")
    cells("class Child(Base):\n    value = 4", "FACTOR = 2", "class Base:\n    '''edited'''")
    cells("class Child(Base):\n    value = 5")
    captured = capture_source(names["f"])
    assert call_in_fresh_process(captured, "f()", tmp_path / "captured") == "10"


def test_a_cell_that_failed_half_way(cells: Cells) -> None:
    """What came before the failure is in effect, what would have come after it is not."""
    names = cells("A = 1\nB = 1", "A = 2\nraise ValueError\nB = 2", "def f():\n    return A, B", "def f(: broken")
    text = capture_source(names["f"]).text
    assert "A = 2" in text
    assert "B = 1" in text


def test_a_history_that_was_cleared(cells: Cells) -> None:
    """Without its cells a function has no source, and the error says why."""
    names = cells("def f():\n    return 1", "%reset -f in")
    with pytest.raises(CaptureError, match="`f` has no source: the history of the notebook was cleared"):
        capture_source(names["f"])


def test_postponed_annotations_hold_for_all_cells(cells: Cells, tmp_path: Path) -> None:
    """IPython keeps `from __future__` for the cells after it, so the module begins with it."""
    names = cells("from __future__ import annotations", "def f(a: NoSuchType = 1):\n    return f.__annotations__")
    captured = capture_source(names["f"])
    assert captured.text.startswith("from __future__ import annotations\n")
    assert call_in_fresh_process(captured, "f()", tmp_path / "captured") == repr({"a": "NoSuchType"})


@pytest.mark.parametrize(("text", "name", "words"), [
    ("def f():\n    !ls", "get_ipython", r"cell 1, line 2\), which only a notebook has"),
    ("def f():\n    %time 1", "get_ipython", "which only a notebook has"),
    ("def f():\n    display(1)", "display", "which only a notebook has"),
    ("files = !ls\ndef f():\n    return files", "files", r"a magic or a shell command"),
    ("x = await __import__('asyncio').sleep(0, 3)\ndef f():\n    return x", "x", "`await` makes"),
    ("1 + 1\ndef f():\n    return In", "In", "which only a notebook has"),
    ("f = lambda: Out", "Out", "which only a notebook has"),
])  # fmt: skip
def test_what_only_a_notebook_has(cells: Cells, text: str, name: str, words: str) -> None:
    """Magics, shell commands, `display` and the history do not exist elsewhere."""
    names = cells(text)
    with pytest.raises(CaptureError, match=words) as caught:
        capture_source(names["f"])
    assert caught.value.name == name


def test_code_that_is_not_what_its_cell_says(cells: Cells) -> None:
    """The live function's code is compared with its source, and refused where they differ."""
    names = cells("def f():\n    return 1", "def g():\n    return 2")
    names["f"].__code__ = names["g"].__code__
    with pytest.raises(CaptureError, match=r"`f` differs from its source.*cell 1, line 1") as caught:
        capture_source(names["f"])
    assert caught.value.line == 1


def test_a_module_beside_the_notebook(cells: Cells, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that a cell imports comes along by its path; its function is the module itself."""
    (tmp_path / "rows_here.py").write_text("import msgspec\nimport more_rows\ndef count():\n    return 3\n")
    (tmp_path / "more_rows").mkdir()
    (tmp_path / "more_rows" / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    names = cells("import rows_here\nfrom rows_here import count", "def f():\n    return count()")
    captured = capture_source(names["f"])
    assert [(module.name, module.path) for module in captured.local_modules] == [
        ("more_rows", tmp_path / "more_rows"),
        ("rows_here", tmp_path / "rows_here.py"),
    ]
    assert call_in_fresh_process(captured, "f()", tmp_path / "captured", tmp_path) == "3"
    assert capture_source(names["count"]).source_file == tmp_path / "rows_here.py"


def test_a_doctest_has_source_while_it_runs() -> None:
    """Each example is a piece of the source; afterwards there is none."""
    text = ">>> LIMIT = 3\n>>> def f():\n...     return LIMIT\n>>> texts.append(capture_source(f).text)\n"
    names: dict[str, Any] = {"texts": [], "capture_source": capture_source, "__name__": "a_doctest"}
    test = doctest.DocTestParser().get_doctest(text, names, "a_doctest", None, 0)
    runner = doctest.DocTestRunner(verbose=False)
    assert runner.run(test, clear_globs=False).failed == 0
    assert names["texts"] == ["LIMIT = 3\n\n\ndef f():\n    return LIMIT\n"]
    with pytest.raises(CaptureError, match="its doctest has ended"):
        capture_source(test.globs["f"])


_SESSION = """\
DEPTH = 3
def f():
    return DEPTH

from ovenbird.capture.capture_source import capture_source
try:
    print(repr(capture_source(f).text))
except Exception as error:
    print(repr(str(error)))

"""


def run(*words: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run an interpreter of this version."""
    return subprocess.run([sys.executable, *words], capture_output=True, text=True, timeout=60, check=False, **options)


def test_functions_of_a_repl() -> None:
    """From Python 3.13 on the REPL keeps what was typed; before, there is no source."""
    process = run("-i", "-q", input=_SESSION)
    if sys.version_info >= (3, 13):
        assert repr("DEPTH = 3\n\n\ndef f():\n    return DEPTH\n") in process.stdout
    else:
        assert "`f` has no source: it was typed into a REPL that keeps no source" in process.stdout


@pytest.mark.parametrize(("flags", "text"), [((), _SESSION), (("-c", _SESSION), "")], ids=["stdin", "-c"])
def test_functions_of_stdin_and_of_an_argument(flags: tuple[str, ...], text: str) -> None:
    """Neither keeps what was run."""
    process = run(*flags, input=text)
    assert "`f` has no source: it was" in process.stdout, process.stderr


@pytest.mark.slow
def test_a_main_script_and_its_children(tmp_path: Path) -> None:
    """A function of `python script.py` is captured without running the script again; in a spawned child too."""
    (tmp_path / "script.py").write_text(
        "import multiprocessing\nfrom ovenbird.capture.capture_source import capture_source\nLIMIT = 3\n"
        "def f():\n    return LIMIT\ndef show():\n    print(repr(capture_source(f).text), flush=True)\n"
        "print('again' if __name__ == '__main__' else '', flush=True)\n"
        "if __name__ == '__main__':\n    show()\n"
        "    child = multiprocessing.get_context('spawn').Process(target=show)\n"
        "    child.start()\n    child.join()\n"
    )
    process = run(str(tmp_path / "script.py"))
    expected = repr("LIMIT = 3\ndef f():\n    return LIMIT\n".replace("def", "\n\ndef"))
    assert process.stdout.split("\n").count(expected) == 2, process.stderr
    assert process.stdout.count("again") == 1


@pytest.fixture
def _zipped_modules() -> Iterator[None]:
    """Forget the modules of the archive, which is gone after the test."""
    yield
    for name in ("zipped", "zipped_pkg", "zipped_user"):
        sys.modules.pop(name, None)


@pytest.mark.usefixtures("_zipped_modules")
def test_a_module_in_an_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module alone has its text; a package, and a module that something else imports, have to be unpacked."""
    with zipfile.ZipFile(tmp_path / "parts.zip", "w") as archive:
        archive.writestr("zipped.py", "def f():\n    return 5\n")
        archive.writestr("zipped_pkg/__init__.py", "def f():\n    return 5\n")
        archive.writestr("zipped_user.py", "import zipped\ndef f():\n    return zipped.f()\n")
    monkeypatch.syspath_prepend(tmp_path / "parts.zip")
    import zipped  # type: ignore[import-not-found]
    import zipped_pkg  # type: ignore[import-not-found]
    import zipped_user  # type: ignore[import-not-found]

    captured = capture_source(zipped.f)
    assert captured.source_file is None
    assert call_in_fresh_process(captured, "f()", tmp_path / "captured") == "5"
    for function in (zipped_pkg.f, zipped_user.f):
        with pytest.raises(CaptureError, match="unpack the archive"):
            capture_source(function)


def test_modules_without_source(tmp_path: Path) -> None:
    """Bytecode alone, and a module that was made at run time, have no text."""
    import py_compile

    path = tmp_path / "bytecode_only.py"
    path.write_text("def f():\n    return 1\n")
    py_compile.compile(str(path), str(tmp_path / "bytecode_only.pyc"), doraise=True)
    path.unlink()
    with pytest.raises(CaptureError, match="cannot be read as text"):
        capture_source(import_file(path).f)
    module = types.ModuleType("made_here")
    sys.modules["made_here"] = module
    exec("def f():\n    return 1", vars(module))
    try:
        with pytest.raises(CaptureError, match="it has no file"):
            capture_source(module.f)
    finally:
        del sys.modules["made_here"]


@pytest.mark.parametrize(("content", "text"), [
    (b"a = 1\r\nb = 2\r", "a = 1\nb = 2\n"),
    (b"\xef\xbb\xbfa = 1\n", "a = 1\n"),
    (b"#!/bin/python\n# vim: set fileencoding=cp1252 :\na = '\x80'\n",
     "#!/bin/python\n# vim: set fileencoding=utf-8 :\na = '\u20ac'\n"),
    (b"", ""),
])  # fmt: skip
def test_text_of_a_file(content: bytes, text: str) -> None:
    """Line ends become one kind, a byte order mark goes, and a coding cookie says what the text is written as."""
    assert decode_source(content) == text
