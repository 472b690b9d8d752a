"""A source that would hide a module is refused by what the target's Python has, not the builder's."""

from __future__ import annotations

from pathlib import Path

import pytest

from ovenbird_builder.bases.stdlib_names import list_stdlib_names
from ovenbird_builder.errors import ModuleShadowedError
from ovenbird_builder.sources.module_shadowing import refuse_shadowing


def add_file(root: Path, name: str) -> None:
    """Write an empty file below a folder."""
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).touch()


@pytest.mark.parametrize(
    "name", ["json.py", "msgspec.py", "starlette/__init__.py", "json.cpython-312-x86_64-linux-gnu.so"]
)
def test_a_file_that_hides_a_needed_module_is_refused(tmp_path: Path, name: str) -> None:
    """A module of Python or of the runtime, as a file, a package or compiled."""
    add_file(tmp_path, name)
    with pytest.raises(ModuleShadowedError, match="would hide the module"):
        refuse_shadowing(tmp_path, list_stdlib_names("3.12"))


@pytest.mark.parametrize(
    ("name", "refused", "allowed"),
    [
        ("cgi.py", "3.12", "3.13"),
        ("imp.py", "3.11", "3.12"),
        ("distutils/__init__.py", "3.11", "3.12"),
        ("tomllib.py", "3.11", "3.10"),
        ("annotationlib.py", "3.14", "3.13"),
        ("compression/__init__.py", "3.14", "3.13"),
    ],
    ids=["cgi", "imp", "distutils", "tomllib", "annotationlib", "compression"],
)
def test_the_version_of_the_target_decides(tmp_path: Path, name: str, refused: str, allowed: str) -> None:
    """A vendored module that the target has no more is fine; one that it alone has is refused by any builder."""
    add_file(tmp_path, name)
    refuse_shadowing(tmp_path, list_stdlib_names(allowed))
    with pytest.raises(ModuleShadowedError, match="Python's standard library"):
        refuse_shadowing(tmp_path, list_stdlib_names(refused))


@pytest.mark.parametrize("name", ["test/__init__.py", "this.py", "sub/json.py", "json/data.txt", "jsonx.py"])
def test_files_that_hide_no_module_pass(tmp_path: Path, name: str) -> None:
    """Modules that nothing imports, and files that are no module at the top."""
    add_file(tmp_path, name)
    refuse_shadowing(tmp_path, list_stdlib_names("3.12"))
