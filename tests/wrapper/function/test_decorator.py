"""`@handler(outputs=[...])`, from ovenbird and in the place of the platform's own package."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable

import pytest
from tests.jobs import Jobs
from tests.loading import Project
from tests.service import Service

import ovenbird
from ovenbird.errors import AttributeMissingError
from ovenbird.function.decorator import handler, outputs_of


def test_the_function_is_not_changed() -> None:
    """Decorated, it is called, documented and inspected as before, and knows its outputs."""

    def add(a: int, b: int = 1) -> int:
        """Add."""
        return a + b

    marked = handler(outputs=["sum", {"name": "table", "kind": "table"}])(add)
    assert marked is add
    assert (marked(1), marked.__doc__) == (2, "Add.")
    assert outputs_of(marked) == ("sum", {"name": "table", "kind": "table"})
    assert ovenbird.handler is handler


def test_without_outputs() -> None:
    """@handler, @handler() and no decorator at all name no outputs."""

    @handler
    def bare() -> int:
        return 1

    @handler()
    def empty() -> int:
        return 2

    assert (bare(), empty()) == (1, 2)
    assert outputs_of(bare) == outputs_of(empty) == outputs_of(len) == ()


def test_any_callable_may_be_decorated() -> None:
    """Async functions, generators and classes keep their shape."""

    @handler(outputs=["a"])
    async def one() -> int:
        return 1

    @handler(outputs=["a"])
    class Two:
        def __call__(self) -> int:
            return 2

    assert inspect.iscoroutinefunction(one)
    assert asyncio.run(one()) == 1
    assert (Two()(), outputs_of(Two)) == (2, ("a",))


_SOURCE = """
from {package} import handler

@handler(outputs=["answer"])
def handler(project, n):
    return n
"""


@pytest.mark.parametrize("package", ["ovenbird", "digitalhub_runtime_python"])
def test_both_packages_name_the_outputs(jobs: Jobs, package: str) -> None:
    """A function written for the platform runs unmodified where its package is absent."""
    job = jobs.run(_SOURCE.format(package=package), "--param", "n=42")
    assert job.result["results"] == {"answer": 42}, job.err


def test_the_real_package_wins(jobs: Jobs) -> None:
    """Where the platform's package is importable it is the one that user code gets, and its outputs are named too."""
    package = jobs.folder / "site" / "digitalhub_runtime_python"
    package.mkdir(parents=True)
    # As the real one does: the decorator wraps the function, and returns what an own launcher would store.
    (package / "__init__.py").write_text(
        "import functools\nREAL = True\ndef handler(outputs=None):\n"
        "    def mark(function):\n        @functools.wraps(function)\n        def wrapper(*args, **kwargs):\n"
        "            return function(*args, **kwargs)\n        return wrapper\n    return mark\n"
    )
    source = "import digitalhub_runtime_python as real\nassert real.REAL\n" + _SOURCE.format(
        package="digitalhub_runtime_python"
    )
    job = jobs.run(source, "--param", "n=42", PYTHONPATH=str(package.parent))
    assert job.code == 0, job.err
    assert list(job.result["results"].values()) == [42]


def test_the_stand_in_has_nothing_else(jobs: Jobs) -> None:
    """A name that the stand-in lacks is an ImportError with that reason, not a silent None."""
    job = jobs.run("from digitalhub_runtime_python import launch\ndef handler(): pass\n")
    assert job.code == 72
    assert "launch" in job.error["message"]


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("from ovenbird import handler\n@handler(outputs=['n'])\ndef train(): return 1", "train"),
        ("from ovenbird import handler\n@handler\ndef train(): return 1\ngo = train", "train"),
        ("from digitalhub_runtime_python import handler\n@handler()\ndef train(): return 1", "train"),
        ("import ovenbird\n@ovenbird.handler\ndef train(): return 1", "train"),
        ("from ovenbird import handler\n@handler\ndef handler(): return 1", "handler"),
        ("import ovenbird\n@ovenbird.handler\ndef train(): return 1\ndef handler(): return 2", "handler"),
    ],
    ids=["named", "two names", "platform", "module", "same name", "own handler"],
)
def test_the_decorated_function_is_meant(project: Project, source: str, name: str) -> None:
    """`main.py` alone names the decorator, or nothing, where a module has one decorated function: that is meant."""
    project.write("main.py", source)
    loaded = project.load("main.py")
    assert (loaded.target.attribute, loaded.function) == (name, getattr(loaded.module, name))


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (
            "from ovenbird import handler\n@handler\ndef a(): ...\n@handler\ndef b(): ...",
            r"is the decorator, not a function; it decorates a, b \(name one: main.py:a\)",
        ),
        (
            "from ovenbird import handler\ndef a(): ...",
            r"is the decorator, not a function; it decorates no function \(.*a",
        ),
        ("import ovenbird as o\n@o.handler\ndef a(): ...\n@o.handler\ndef b(): ...", "these are decorated: a, b"),
        ("def a(): ...", "has no attribute 'handler'"),
    ],
    ids=["several", "none", "several and no handler", "not decorated"],
)
def test_several_decorated_functions_are_named(project: Project, source: str, words: str) -> None:
    """Where the decorator could mean several functions, or none, the error names them."""
    with pytest.raises(AttributeMissingError, match=words):
        project.handler(source)


@pytest.mark.slow
def test_a_decorated_function_is_run_checked_and_served(jobs: Jobs, serve: Callable[..., Service]) -> None:
    """All commands mean the same function, and the run has its name."""
    source = "from ovenbird import handler\n@handler(outputs=['sum'])\ndef add(a: int, b: int = 2): return a + b\n"
    job = jobs.run(source, "--param", "a=1")
    assert job.result["results"] == {"sum": 3}, job.err
    assert "main:add" in jobs.run_verb("check", "main.py")
    assert serve(source).call({"a": 2}).json() == 4
