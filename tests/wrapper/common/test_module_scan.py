"""Names that a file binds and modules that it surely imports, read without running it."""

from __future__ import annotations

import pytest

from ovenbird.common.module_scan import scan


def list_imports(text: str) -> list[str]:
    """Return the modules that a file surely imports."""
    return [entry.module for entry in scan(text.encode()).imports]


@pytest.mark.parametrize(
    "text",
    [
        "def handler(): pass", "async def handler(): pass", "class handler: pass", "handler = 1", "handler: int = 1",
        "from other import thing as handler", "import handler", "import handler.sub", "a, (handler, b) = 1, (2, 3)",
        "for handler in []: pass", "with open('x') as handler: pass", "(handler := 1)",
        "try:\n    from x import handler\nexcept ImportError:\n    pass", "if x:\n    def handler(): pass",
        "def f():\n    global handler\n    handler = 1", "match x:\n    case {**handler}: pass",
        "def late(): handler_ = 1\nhandler = late",
    ],
)  # fmt: skip
def test_a_name_that_is_bound(text: str) -> None:
    """By whichever statement, on whichever path."""
    names = scan(text.encode()).names
    assert names is not None
    assert "handler" in names


@pytest.mark.parametrize(
    "text",
    ["from other import *", "globals()['h'] = 1", "def __getattr__(name): ...", "import sys\nsys.modules[__name__] = x",
     "exec('handler = 1')", "setattr(m, 'handler', 1)", "vars()['handler'] = 1", "locals()['handler'] = 1",
     "eval('(handler := 1)')", "import builtins\nbuiltins.exec('handler = 1')",
     "def f(): ...\nf.__globals__['handler'] = 1", "import sys\nsys._getframe().f_globals['handler'] = 1"],
)  # fmt: skip
def test_a_file_that_may_bind_anything(text: str) -> None:
    """Missing names are not reported."""
    assert scan(text.encode()).names is None


@pytest.mark.parametrize(
    "text", ["print(handler)", "def f(handler): handler = 1", "class A:\n    def handler(self): pass"]
)
def test_a_name_that_is_not_bound_at_the_top(text: str) -> None:
    """It is read only, or belongs to a function or a class."""
    names = scan(text.encode()).names
    assert names is not None
    assert "handler" not in names


def test_definitions_are_functions_and_classes() -> None:
    """Not what is imported or assigned; those within a function or a class are not at the top."""
    text = (
        "import os\nX = 1\ndef f():\n    def g(): ...\nclass K:\n    def m(self): ...\nif X:\n    async def h(): ...\n"
    )
    assert scan(text.encode()).definitions == {"f", "K", "h"}


def test_imports_that_are_sure() -> None:
    """At the top, in a class, a `with`, and a `try` for something else; with their dots and names."""
    text = "import a.b, c\nfrom d import e\nclass K:\n    import f\nwith g():\n    import h\n"
    text += "try:\n    import i\nexcept KeyError:\n    import j\n"
    assert list_imports(text) == ["a.b", "c", "d", "f", "h", "i"]
    entry = scan(b"from ..p import x, y").imports[0]
    assert (entry.module, entry.level, entry.names, entry.line) == ("p", 2, ("x", "y"), 1)


@pytest.mark.parametrize(
    "text",
    [
        "try:\n    import x\nexcept ImportError:\n    x = None",
        "try:\n    import x\nexcept (KeyError, ModuleNotFoundError):\n    pass",
        "try:\n    import x\nexcept:\n    pass", "try:\n    import x\nexcept Exception:\n    pass",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import x",
        "import typing as t\nif t.TYPE_CHECKING:\n    import x", "def f():\n    import x",
        "import sys\nif sys.version_info < (3, 11):\n    import x\nelse:\n    import x",
        "from contextlib import suppress\nwith suppress(ImportError):\n    import x",
        "if __name__ == '__main__':\n    import x",
    ],
)  # fmt: skip
def test_imports_that_may_fail(text: str) -> None:
    """They are optional, conditional, for type checkers, or run later."""
    assert "x" not in list_imports(text)
