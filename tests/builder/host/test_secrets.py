"""Build secrets: the origin of their values, their mounts, and their identities."""

from __future__ import annotations

from pathlib import Path

import pytest

from ovenbird_builder.errors import BuildRequestError
from ovenbird_builder.host.secrets import BuildSecret, mount_secrets, parse_secrets


def test_a_secret_is_a_variable_or_a_file(tmp_path: Path) -> None:
    """The variable wins where both could be meant."""
    (tmp_path / "file").write_text("from the file\n")
    secrets = parse_secrets(["a=TOKEN", f"b={tmp_path / 'file'}"], {"TOKEN": "from the variable"})
    assert [(secret.name, secret.value) for secret in secrets] == [
        ("a", b"from the variable"),
        ("b", b"from the file\n"),
    ]


@pytest.mark.parametrize(
    ("texts", "why"),
    [
        (["hunter2hunter2"], "expected `NAME=ENV|FILE`"),
        (["a b=TOKEN"], "expected `NAME=ENV|FILE`"),
        (["../a=TOKEN"], "expected `NAME=ENV|FILE`"),
        (["a=TOKEN", "a=TOKEN"], "given twice"),
        (["a=hunter2hunter2"], "neither a variable of the environment nor a file"),
        (["a=EMPTY"], "is empty"),
        (["a=LONG"], "larger than 512 KiB"),
    ],
)
def test_a_missing_secret_is_refused_without_its_value(texts: list[str], why: str) -> None:
    """A malformed flag may hold the value itself, so the message does not repeat it."""
    with pytest.raises(BuildRequestError) as caught:
        parse_secrets(texts, {"TOKEN": "value", "EMPTY": " \n", "LONG": "x" * 600_000})
    assert why in caught.value.message
    assert "hunter2hunter2" not in str(caught.value)


def test_no_text_of_a_secret_holds_its_value() -> None:
    """Neither a repr, as in a traceback, nor what a key holds."""
    secret = BuildSecret("token", b"hunter2hunter2")
    assert "hunter2" not in repr(secret)
    assert "hunter2" not in secret.identify(b"salt")
    assert secret.identify(b"salt") != BuildSecret("token", b"other").identify(b"salt")
    assert secret.identify(b"salt") != secret.identify(b"another machine's salt")


def test_each_line_of_a_secret_is_hidden() -> None:
    """Output comes in lines, so a key of several lines has to be known by each."""
    assert BuildSecret("key", b"-----BEGIN-----\nabcdef\n").texts == (
        "-----BEGIN-----\nabcdef",
        "-----BEGIN-----",
        "abcdef",
    )


def test_mounted_secrets_are_private_and_removed_afterwards() -> None:
    """The files are 0600 in a folder that is 0700, and exist only as long as the step."""
    with mount_secrets([BuildSecret("a", b"one"), BuildSecret("b", b"two")]) as mounts:
        paths = [Path(mount.split(":")[0]) for mount in mounts]
        assert [mount.split(":", 1)[1] for mount in mounts] == ["/run/secrets/a:ro", "/run/secrets/b:ro"]
        assert [path.read_bytes() for path in paths] == [b"one", b"two"]
        assert {path.stat().st_mode & 0o777 for path in paths} == {0o600}
        assert paths[0].parent.stat().st_mode & 0o777 == 0o700
    assert not paths[0].parent.exists()
