"""`spec.image` is set as one line, and nothing else of the document changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from ovenbird_builder.build.writeback import check_document, write_image
from ovenbird_builder.errors import BuildRequestError, ImageError

NAME = "registry.example.com/app:1@sha256:" + "1" * 64


def write_back(tmp_path: Path, text: str) -> str:
    path = tmp_path / "function.yaml"
    path.write_bytes(text.encode())
    write_image(path, NAME)
    return path.read_bytes().decode()


def test_a_missing_line_is_added(tmp_path: Path) -> None:
    """Comments, order and quotes stay as they are."""
    text = "# mine\nname: f\nspec:   # the spec\n    # first\n    python_version: '3.12'\n    source: {handler: h}\n"
    result = write_back(tmp_path, text)
    assert result == text.replace("# the spec\n", f"# the spec\n    image: {NAME}\n")


@pytest.mark.parametrize("value", ["old:1", "'old:1'", '"old:1"', "", "old:1  # built by CI"])
def test_a_line_is_replaced(tmp_path: Path, value: str) -> None:
    """Its comment stays; an `write_image` elsewhere is not touched."""
    text = "image: top\nspec:\n  source:\n    image: inner\n  image: VALUE\nkind: python\n"
    comment = "  # built by CI" if "#" in value else ""
    assert write_back(tmp_path, text.replace("VALUE", value)) == text.replace("VALUE", NAME + comment)


def test_line_ends_of_windows_and_the_mode_stay(tmp_path: Path) -> None:
    """Only one line is new; the file keeps who may read it, and a link stays a link."""
    path = tmp_path / "real.yaml"
    path.write_bytes(b"spec:\r\n  source: {}\r\n")
    path.chmod(0o640)
    (tmp_path / "function.yaml").symlink_to(path)
    write_image(tmp_path / "function.yaml", NAME)
    assert path.read_bytes() == f"spec:\r\n  image: {NAME}\r\n  source: {{}}\r\n".encode()
    assert path.stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "function.yaml").is_symlink()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["function.yaml", "real.yaml"]


@pytest.mark.parametrize("text", ["spec: {source: {handler: h}}\n", "{spec: {a: 1}}\n", "spec:\n  image: |\n    old\n"])
def test_an_unsupported_form_is_left_alone(tmp_path: Path, text: str) -> None:
    """The error says what to write by hand; the file is unchanged."""
    (tmp_path / "function.yaml").write_text(text)
    with pytest.raises(ImageError) as caught:
        write_image(tmp_path / "function.yaml", NAME)
    assert caught.value.hint == f"set it by hand: `spec.image: {NAME}`"
    with pytest.raises(BuildRequestError, match=r"--write-back: ") as early:
        check_document(tmp_path / "function.yaml")
    assert "write `spec:` on a line of its own" in early.value.hint
    assert (tmp_path / "function.yaml").read_text() == text


def test_a_document_that_can_be_written_is_left_as_it_is(tmp_path: Path) -> None:
    """The check before a build changes nothing."""
    path = tmp_path / "function.yaml"
    path.write_text("spec:\n  source: {}\n")
    check_document(path)
    assert path.read_text() == "spec:\n  source: {}\n"
