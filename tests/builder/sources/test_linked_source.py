"""A source named by a link: files next to the link are packed, files next to its target are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from ovenbird_builder.errors import UnsafeSourceError
from ovenbird_builder.request.function_target import resolve_target

from .conftest import Fetch, read_tree


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """A function, and another folder that must not be packed."""
    for name in ("app/lib", "bom"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("app/beside.py", "app/lib/main.py", "bom/main.py", "bom/private.py"):
        (tmp_path / name).write_text(name)
    return tmp_path / "app"


@pytest.mark.parametrize(
    ("link", "target", "source"),
    [
        ("main.py", "../bom/main.py", "main.py"),
        ("main.py", "../bom/main.py", "./main.py"),
        ("src", "../bom", "src"),
        ("src", "../bom", "src/main.py"),
        ("main.py", "../bom/main.py", "."),
        ("data", "/etc", "."),
    ],
    ids=["file", "dot", "folder", "file below a folder", "in the source", "absolute"],
)
def test_a_link_out_of_the_source_is_refused(fetch_tree: Fetch, app: Path, link: str, target: str, source: str) -> None:
    """The other folder would be packed, with all that is in it."""
    (app / link).symlink_to(target)
    with pytest.raises(UnsafeSourceError, match=f"the link '{link}") as caught:
        fetch_tree(source, root=app, handler="main:fn")
    assert caught.value.exit_code == 33


def test_a_link_within_the_source_is_packed_as_a_link(fetch_tree: Fetch, app: Path) -> None:
    """With the files next to the link; an outside folder may be named explicitly, and limits its links."""
    (app / "main.py").symlink_to("lib/main.py")
    tree = fetch_tree("main.py", root=app)
    assert read_tree(tree) == {
        "main.py": ("lib/main.py",),
        "beside.py": "app/beside.py",
        "lib/main.py": "app/lib/main.py",
    }
    assert tree.file == "main.py"
    assert set(read_tree(fetch_tree("../bom", root=app))) == {"main.py", "private.py"}
    (app.parent / "bom" / "linked.py").symlink_to("../app/beside.py")
    with pytest.raises(UnsafeSourceError, match=r"the link 'linked\.py' -> '\.\./app/beside\.py' leads out"):
        fetch_tree("../bom/linked.py", root=app)


def test_a_target_that_is_a_link_stays_where_it_is(app: Path) -> None:
    """On the command line too; a link above the folder is the user's own way there."""
    (app / "main.py").symlink_to("lib/main.py")
    (app.parent / "way").symlink_to("app")
    function = resolve_target(str(app.parent / "way" / "main.py") + ":fn").function
    assert (function.root, function.handler) == (app, "main:fn")
    (app / "other.py").symlink_to("../bom/main.py")
    with pytest.raises(UnsafeSourceError, match=r"the link 'other\.py' -> '\.\./bom/main\.py' leads out of the source"):
        resolve_target(str(app / "other.py"))
