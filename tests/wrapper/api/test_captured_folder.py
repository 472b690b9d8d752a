"""Captured source on disk: named by its content, limited, and whole."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from ovenbird.api.captured_folder import write_captured
from ovenbird.capture.captured_module import CapturedModule, LocalModule
from ovenbird.errors import CaptureError, LoadError

FILES = {"main.py": "import pkg\n", "pkg/__init__.py": "A = 1\n", "pkg/deep/data.txt": "x" * 50}


@pytest.fixture
def captured(tmp_path: Path) -> CapturedModule:
    """A module that imports a package."""
    for name, text in FILES.items():
        path = tmp_path / "code" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    local_modules = (LocalModule("pkg", tmp_path / "code" / "pkg"),)
    return CapturedModule(FILES["main.py"], "f", "main.py", local_modules=local_modules)


def test_the_content_names_the_folder(captured: CapturedModule, tmp_path: Path) -> None:
    """The same content has the same folder, and one that was edited is replaced; nothing else stays."""
    environ = {"OVENBIRD_HOME": str(tmp_path / "home")}
    folder = write_captured(captured, environ)
    texts = "".join(f"{name}\0{len(text)}\0{text}" for name, text in sorted(FILES.items()))
    assert folder.name == f"main-{hashlib.sha256(texts.encode()).hexdigest()[:16]}"
    (folder / "pkg" / "__init__.py").write_text("A = 2\n")
    assert write_captured(captured, environ) == folder
    assert {name: (folder / name).read_text() for name in FILES} == FILES
    assert list(folder.parent.iterdir()) == [folder]


@pytest.mark.parametrize(("name", "value", "text"), [
    ("OVENBIRD_SOURCE_FILES", "2", "more than 2 files"),
    ("OVENBIRD_SOURCE_LIMIT", "50", "more than 50 bytes"),
])  # fmt: skip
def test_a_package_that_is_too_large(
    captured: CapturedModule, tmp_path: Path, name: str, value: str, text: str
) -> None:
    """It is refused before anything is written; the hint names the variable."""
    with pytest.raises(CaptureError, match=text) as caught:
        write_captured(captured, {"OVENBIRD_HOME": str(tmp_path / "home"), name: value})
    assert name in caught.value.hint
    assert not (tmp_path / "home").exists()


def test_a_data_folder_that_cannot_be(captured: CapturedModule, tmp_path: Path) -> None:
    """The error names the reason."""
    (tmp_path / "file").touch()
    with pytest.raises(LoadError, match=r"was not written below .*Not a directory"):
        write_captured(captured, {"OVENBIRD_HOME": str(tmp_path / "file" / "home")})
