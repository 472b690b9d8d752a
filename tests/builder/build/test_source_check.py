"""Code that cannot start is refused before locking; doubtful code gives a warning."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from ovenbird.function_document import FunctionSpec
from ovenbird_builder.build import source_check
from ovenbird_builder.build.source_check import SourceCheckResult, check_handler, check_imports, check_source
from ovenbird_builder.cache.layer_cache import LayerCache
from ovenbird_builder.errors import HandlerMissingError, SourceSyntaxError
from ovenbird_builder.sources import tree_digest
from ovenbird_builder.sources.tree import SourceTree

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
Check = Callable[..., SourceCheckResult]


def ask_nobody(_: Path, __: list[str]) -> None:
    """Behave as an image that cannot be queried."""


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[LayerCache]:
    layer_cache = LayerCache(tmp_path / "cache")
    yield layer_cache
    layer_cache.close()


@pytest.fixture
def check(tmp_path: Path, cache: LayerCache) -> Check:
    """Check a source made of these files: `check({"main.py": "..."}, handler="main:fn")`."""

    def run(
        files: Mapping[str, str | bytes], handler: str = "main:handler", init: str | None = None, version: str = HERE,
        ask: source_check.Ask = ask_nobody,
    ) -> SourceCheckResult:  # fmt: skip
        root = tmp_path / "source"
        for name, content in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        tree = SourceTree(root, "local", "", tree_digest.hash_tree(root), None)
        return check_source(FunctionSpec(root, "f", handler, source=".", init=init), tree, version, cache, ask)

    return run


GOOD = "def handler(): pass\n"
BAD = "x = 1\ndef broken() return 1\n"


def test_the_handlers_file_has_to_parse(check: Check) -> None:
    """The error names file, line and reason."""
    with pytest.raises(SourceSyntaxError, match=r"main\.py, line 2: SyntaxError: ") as caught:
        check({"main.py": BAD})
    assert (caught.value.exit_code, caught.value.code) == (36, "build.source.syntax")


@pytest.mark.parametrize(
    ("main", "path"),
    [
        ("import helper\n", "helper.py"), ("from pkg import part\n", "pkg/part.py"),
        ("from pkg.sub import x\n", "pkg/sub/__init__.py"), ("import pkg.sub.deep\n", "pkg/__init__.py"),
        ("import middle\n", "helper.py"),
    ],
    ids=["module", "from package", "subpackage", "parent", "further"],
)  # fmt: skip
def test_imported_modules_have_to_parse(check: Check, main: str, path: str) -> None:
    """However far away it is."""
    files = {"main.py": main + GOOD, "middle.py": "import helper\n", path: BAD}
    with pytest.raises(SourceSyntaxError, match=path.replace(".", r"\.")):
        check(files)


def test_relative_imports_are_followed(check: Check) -> None:
    """From a handler in a package."""
    files = {"app/__init__.py": "", "app/core/__init__.py": "", "app/core/run.py": "from ..util import x\n" + GOOD}
    with pytest.raises(SourceSyntaxError, match=r"app/util\.py"):
        check({**files, "app/util.py": BAD}, "app.core.run:handler")


def test_an_unparsable_file_that_is_not_imported_is_a_warning(check: Check, caplog: pytest.LogCaptureFixture) -> None:
    """A template, a fixture of a test, a module that is imported optionally; the first few are named, each time."""
    optional = "try:\n    import maybe\nexcept ImportError:\n    pass\n"
    files = {
        "main.py": optional + GOOD,
        "maybe.py": BAD,
        "tests/data/py2.py": "print 'x'\n",
        "t/{{name}}.py": "{% x %}\n",
    }
    for _ in range(2):
        caplog.clear()
        with caplog.at_level(logging.WARNING, "ovenbird.source"):
            result = check(files)
        assert [text.partition(",")[0] for text in result.warnings] == [
            "maybe.py",
            "t/{{name}}.py",
            "tests/data/py2.py",
        ]
        assert caplog.messages == list(result.warnings)


def test_many_of_them_are_counted(check: Check) -> None:
    """Six lines at most."""
    result = check({"main.py": GOOD, **{f"t/{n}.py": BAD for n in range(9)}})
    assert len(result.warnings) == 6
    assert result.warnings[-1] == f"4 more files are no Python {HERE}"


@pytest.mark.parametrize(
    "content",
    ["return 1\n" + GOOD, "x = [await y for y in z]\n" + GOOD, b"\0", b"# coding: nowhere\n", b"x = '\xe9'\n"],
    ids=["return", "await", "null byte", "unknown coding", "not UTF-8"],
)
def test_code_that_does_not_compile_is_refused(check: Check, content: str | bytes) -> None:
    """Also where the grammar alone would let it pass."""
    with pytest.raises(SourceSyntaxError, match=r"main\.py, line \d+: "):
        check({"main.py": content})


@pytest.mark.parametrize(
    "content", [b"\xef\xbb\xbf" + GOOD.encode(), b"# coding: latin-1\nx = '\xe9'\n" + GOOD.encode()]
)
def test_codings_are_heeded(check: Check, content: bytes) -> None:
    """A mark at the start, and a line that names one."""
    check({"main.py": content})


def test_an_older_target_has_its_own_grammar(check: Check) -> None:
    """`match` is no statement before 3.10, whatever this Python takes."""
    with pytest.raises(SourceSyntaxError, match=r"image's Python is 3\.9"):
        check({"main.py": "match 1:\n    case _: pass\n" + GOOD}, version="3.9")


def test_a_newer_python_checks_the_syntax_itself(check: Check, caplog: pytest.LogCaptureFixture) -> None:
    """Code that this Python cannot parse may be valid there; if it cannot be queried, nothing is refused."""
    files = {"main.py": "x = new grammar\n" + GOOD, "other.py": BAD}
    questions: list[list[str]] = []

    def ask(_: Path, names: list[str]) -> dict[str, tuple[int, str]]:
        questions.append(names)
        return {"other.py": (2, "SyntaxError: bad")}

    result = check(files, version="3.99", ask=ask)
    assert questions == [["main.py", "other.py"]]
    assert result.warnings == ("other.py, line 2: SyntaxError: bad; nothing that the handler imports needs it",)
    with caplog.at_level(logging.WARNING, "ovenbird.source"):
        check(files, version="3.98")
    assert "Python 3.98 cannot be asked here" in caplog.text
    with pytest.raises(SourceSyntaxError):
        check(files, version="3.97", ask=lambda _, names: dict.fromkeys(names, (1, "SyntaxError: no")))


def test_the_handler_has_to_exist(check: Check) -> None:
    """A missing name is refused with a similar one."""
    with pytest.raises(HandlerMissingError, match=r"main\.py does not define the handler 'handelr'") as caught:
        check({"main.py": GOOD}, "main:handelr")
    assert (caught.value.hint, caught.value.exit_code) == ("did you mean handler?", 37)


def test_the_init_function_has_to_exist(check: Check) -> None:
    """At the top, or as a method of a class."""
    check({"main.py": GOOD + "def setup(context): pass\n"}, init="setup")
    check({"main.py": "class handler:\n    def begin(self): pass\n"}, init="begin")
    with pytest.raises(HandlerMissingError, match="init function 'setpu'"):
        check({"main.py": GOOD + "def setup(context): pass\n"}, init="setpu")


@pytest.mark.parametrize(
    ("text", "handler"),
    [
        ("from other import *\n", "main:handler"), ("import x\ndef __getattr__(name): ...\n", "main:any"),
        ("class Model:\n    def score(self): ...\n", "main:Model.score"),
        ("import ovenbird\n@ovenbird.handler(outputs=['x'])\ndef job(): ...\n", "main:handler"),
    ],
    ids=["star", "getattr", "method", "decorated"],
)  # fmt: skip
def test_a_handler_that_may_exist_at_run_time_passes(check: Check, text: str, handler: str) -> None:
    """A name made at run time, a dotted one, and the decorated function that the file alone means."""
    check({"main.py": text}, handler)


def test_a_module_from_elsewhere_is_left_to_the_lock(check: Check) -> None:
    """Then it is refused where the lock has it not, and nothing else can bring it."""
    result = check({"x.txt": ""}, "other.mod:fn")
    assert result.absent == "other.mod"
    check_imports(result, HERE, {"other"}, ())
    check_imports(result, HERE, set(), ("other",))
    check_imports(result, HERE, set(), (), is_elsewhere=lambda name: name == "other")
    check_imports(result, HERE, set(), (), has_installed=True)
    with pytest.raises(HandlerMissingError, match=r"no module 'other\.mod'"):
        check_imports(result, HERE, set(), ())


@pytest.mark.parametrize(
    ("files", "handler", "hint"),
    [
        (("main.py",), "app:main", "the source has main"),
        (("main.py",), "mian:run", "did you mean `main:run`?"),
        (("pkg/__init__.py", "pkg/core.py"), "pkg.cor:run", "did you mean `pkg.core:run`?"),
        (("src/app.py",), "app:main", "did you mean `src.app:main`, or `spec.source.source: src`?"),
        (("data.csv",), "app:main", "the source has no Python file"),
        (("app/part.py",), "app:main", "app is a folder without an `__init__.py`"),
        (tuple(f"m{n}.py" for n in range(7)), "app:main", "the source has m0, m1, m2, m3, m4 and 2 more"),
    ],
    ids=["other name", "slip", "in a package", "src layout", "no code", "folder", "many"],
)  # fmt: skip
def test_a_handler_in_a_missing_module_is_refused(
    check: Check, files: tuple[str, ...], handler: str, hint: str
) -> None:
    """Before anything is locked, with what may be meant; an instruction may bring it, as may the base."""
    result = check(dict.fromkeys(files, ""), handler)
    with pytest.raises(HandlerMissingError, match=f"no module '{result.absent}'") as caught:
        check_handler(result, HERE, (), ("pip",))
    assert hint in caught.value.hint
    assert caught.value.exit_code == 37
    if not result.is_sure:
        check_handler(result, HERE, (), (), has_installed=True)
        check_handler(result, HERE, (), (), is_elsewhere=lambda name: name == handler.partition(":")[0])


def deny(name: str) -> bool:
    raise AssertionError(f"the base was asked for {name}")


@pytest.mark.parametrize(
    ("handler", "requirements", "passes"),
    [
        ("jobs:run", (("acme-jobs", ""),), True),
        ("acme_jobs.daily:run", (("acme-jobs", ""),), True),
        ("app:run", (("six", ""), ("acme-jobs", "")), True),
        ("app:run", (), False),
        ("mian:run", (("acme-jobs", ""),), False),
        ("mian:run", (("mian", ""),), True),
        ("mian:run", (("lib", "file:lib"),), True),
        ("mian:run", (("", "pylock.toml"),), True),
        ("json:dumps", (), True),
        ("pip:main", (), True),
        ("space.part:run", (("space-part", ""),), True),
        ("space.part:run", (), False),
        ("pkg.other:run", (("pkg", ""),), False),
    ],
    ids=["a package", "its own name", "another package", "no package",
         "a slip", "a package of that name", "a folder", "a lock", "the standard library", "the base",
         "a namespace", "nobody", "the source's own package"],
)  # fmt: skip
def test_a_module_that_a_requirement_may_bring_is_left_to_the_lock(
    check: Check, handler: str, requirements: tuple[tuple[str, str], ...], passes: bool
) -> None:
    """Where the source has a module of nearly that name, only that name counts; its own packages are closed."""
    result = check({"main.py": GOOD, "space/mine.py": "", "pkg/__init__.py": ""}, handler)
    if passes:
        check_handler(result, HERE, requirements, ("pip",), is_elsewhere=deny)
        return
    with pytest.raises(HandlerMissingError, match="no module"):
        check_handler(result, HERE, requirements, ("pip",))


def test_a_source_without_code_may_have_its_handler_in_any_package(check: Check) -> None:
    """Then the package is what the function is."""
    check_handler(check({"settings.json": "{}"}, "app:run"), HERE, (("acme-jobs", ""),), (), is_elsewhere=deny)


@pytest.mark.parametrize("name", ["fast.cpython-312-x86_64-linux-gnu.so", "fast.so", "fast.pyc", "fast/__init__.pyc"])
def test_a_compiled_module_counts_as_a_module(check: Check, name: str) -> None:
    """An extension, and bytecode without its source."""
    assert check({name: b"\x7fELF"}, "fast:run").absent == ""


def test_a_package_that_looks_elsewhere_may_have_it(check: Check) -> None:
    """As `pkgutil.extend_path` does."""
    text = "__path__ = __import__('pkgutil').extend_path(__path__, __name__)\n"
    assert not check({"pkg/__init__.py": text}, "pkg.other:run").is_sure


def test_a_missing_import_is_reported(check: Check, caplog: pytest.LogCaptureFixture) -> None:
    """With file, line and the likely distribution; existing modules are not reported."""
    text = "import os, yaml, six, sklearn.svm, cv2, helper\nfrom PIL import Image\nimport pkg_resources\n" + GOOD
    result = check({"main.py": text, "helper.py": "import bs4\n"})
    with caplog.at_level(logging.WARNING, "ovenbird.source"):
        check_imports(result, "3.12", {"six"}, ("pip", "setuptools", "opencv-python"))
    assert caplog.messages == [
        "main.py, line 1, imports 'sklearn', which neither the source, Python 3.12, the lock nor the base has:"
        " is scikit-learn missing in the requirements?",
        "main.py, line 2, imports 'PIL', which neither the source, Python 3.12, the lock nor the base has:"
        " is Pillow missing in the requirements?",
        "helper.py, line 1, imports 'bs4', which neither the source, Python 3.12, the lock nor the base has:"
        " is beautifulsoup4 missing in the requirements?",
    ]


def test_a_module_removed_from_python_is_reported_as_removed(check: Check, caplog: pytest.LogCaptureFixture) -> None:
    """It comes from a distribution now."""
    result = check({"main.py": "import distutils.version\n" + GOOD})
    with caplog.at_level(logging.WARNING, "ovenbird.source"):
        check_imports(result, "3.11", set(), ())
        assert caplog.messages == []
        check_imports(result, "3.12", set(), ())
    assert "Python 3.12 has it no more: is setuptools missing" in caplog.text


def test_no_import_is_reported_when_modules_may_come_from_elsewhere(
    check: Check, caplog: pytest.LogCaptureFixture
) -> None:
    """The source changes its path, or an instruction installs something."""
    moved = check({"main.py": "import sys\nsys.path.append('lib')\nimport vendored\n" + GOOD})
    with caplog.at_level(logging.WARNING, "ovenbird.source"):
        check_imports(moved, HERE, set(), ())
        check_imports(SourceCheckResult((), {"x": "main.py, line 1,"}), HERE, set(), (), has_installed=True)
    assert caplog.messages == []


def test_a_source_is_looked_at_once(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    """A build with nothing changed parses nothing, and one with an edit parses the edited file alone."""
    files = {"main.py": GOOD, "other.py": "x = 1\n"}
    first = check(files)
    parsed: list[bytes] = []
    real = source_check._find_fault
    monkeypatch.setattr(source_check, "_find_fault", lambda data, target: parsed.append(data) or real(data, target))
    assert check(files) == first
    assert parsed == []
    check({"other.py": "x = 2\n"})
    assert parsed == [b"x = 2\n"]
