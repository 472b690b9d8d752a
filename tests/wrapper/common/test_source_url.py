"""Credentials of URLs, and of the file that holds them for hosts: one rule for git, downloads and package indexes."""

from __future__ import annotations

from pathlib import Path

import pytest

from ovenbird.common.source_url import Credentials, netrc_login, split, strip_credentials, url_credentials
from ovenbird.errors import SourceUrlError


def test_a_url_is_parted_from_its_credentials() -> None:
    """Escapes in user and password are decoded; the request leaves out the fragment."""
    parts = split("https://me%40x:p%2Fw@host:8443/a?b=c#d")
    assert url_credentials(parts) == Credentials("me@x", "p/w")
    assert strip_credentials(parts) == "https://host:8443/a?b=c"
    assert url_credentials(split("https://host/")) is None
    assert "p/w" not in repr(url_credentials(parts))


def test_the_file_of_credentials_is_found(tmp_path: Path) -> None:
    """`NETRC` names the file, else it lies in the home; a file that is absent has nobody's credentials."""
    (tmp_path / ".netrc").write_text("machine host login me password secret\n")
    (tmp_path / "other").write_text("machine host login you password secret\n")
    assert netrc_login("host", {"HOME": str(tmp_path)}) == Credentials("me", "secret")
    assert netrc_login("host", {"HOME": str(tmp_path), "NETRC": str(tmp_path / "other")}) == Credentials(
        "you", "secret"
    )
    assert netrc_login("elsewhere", {"HOME": str(tmp_path)}) is None
    assert netrc_login("host", {"HOME": str(tmp_path / "none")}) is None


@pytest.mark.parametrize("content", [b"machine", b"\xff\xfe"], ids=["cut off", "no text"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes) -> None:
    """The error shows the file, and nothing of what it holds."""
    (tmp_path / "netrc").write_bytes(content)
    with pytest.raises(SourceUrlError, match=r"cannot read '.*netrc'"):
        netrc_login("host", {"NETRC": str(tmp_path / "netrc")})
