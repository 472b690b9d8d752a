"""Credentials by file: what is merged, what is refused."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from ovenbird_builder.errors import BuildRequestError
from ovenbird_builder.registry.auth_file import write_auth_file


def test_other_registries_keep_their_own(tmp_path: Path) -> None:
    """The given file overrides the usual files; a helper for that registry is ignored."""
    docker = tmp_path / ".docker" / "config.json"
    docker.parent.mkdir()
    docker.write_text(
        json.dumps({"auths": {"a": {"auth": "1"}, "b": {"auth": "2"}}, "credHelpers": {"b": "x", "c": "y"}})
    )
    (tmp_path / "auth.json").write_text(json.dumps({"auths": {"a": {"auth": "3"}}}))
    (tmp_path / "creds").write_text("ann:pass:word\n")
    environ = {"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path / "run")}
    (tmp_path / "run/containers").mkdir(parents=True)
    (tmp_path / "auth.json").rename(tmp_path / "run/containers/auth.json")
    with write_auth_file("", str(tmp_path / "creds"), ("b",), environ) as auth_file:
        merged = json.loads(Path(auth_file.authfile).read_text())
    token = base64.b64encode(b"ann:pass:word").decode()
    assert merged == {"auths": {"a": {"auth": "3"}, "b": {"auth": token}}, "credHelpers": {"c": "y"}}
    assert set(auth_file.secrets) == {"pass:word", token}


@pytest.mark.parametrize("text", ["", "ann", "ann:", ":word", "ann:word\nbob:word"])
def test_a_file_in_another_format_is_refused_without_its_content(tmp_path: Path, text: str) -> None:
    """The message names the file, never what is in it."""
    (tmp_path / "creds").write_text(text)
    with (
        pytest.raises(BuildRequestError, match="does not hold one line `USER:PASSWORD`") as caught,
        write_auth_file("", str(tmp_path / "creds"), ("h",), {"HOME": str(tmp_path)}),
    ):
        pass
    assert "ann" not in caught.value.message.replace(str(tmp_path), "")


@pytest.mark.parametrize(("authfile", "creds"), [("none.json", ""), ("list.json", ""), ("", "none")])
def test_an_unreadable_file_is_reported_before_anything_starts(tmp_path: Path, authfile: str, creds: str) -> None:
    """Not by skopeo in the middle of a push."""
    (tmp_path / "list.json").write_text("[]")
    paths = [str(tmp_path / name) if name else "" for name in (authfile, creds)]
    with (
        pytest.raises(BuildRequestError, match=r"authfile|creds-file"),
        write_auth_file(*paths, ("h",), {"HOME": str(tmp_path)}),
    ):
        pass


def test_without_a_file_skopeo_uses_its_own() -> None:
    """Which knows where auth.json is."""
    with write_auth_file("", "", ("h",), {}) as auth_file:
        assert (auth_file.authfile, auth_file.secrets) == ("", ())
