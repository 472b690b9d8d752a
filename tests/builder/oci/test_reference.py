"""Image references: valid forms, their meaning in a registry and in the store, and errors."""

from __future__ import annotations

import pytest

from ovenbird_builder.errors import ReferenceFormatError
from ovenbird_builder.oci.reference import parse_reference

DIGEST = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("text", "remote", "local"),
    [
        ("app", "docker.io/library/app:latest", "localhost/app:latest"),
        ("team/app:1", "docker.io/team/app:1", "localhost/team/app:1"),
        ("registry.example.com/a/b_c-d:V1.2", "registry.example.com/a/b_c-d:V1.2", "registry.example.com/a/b_c-d:V1.2"),
        ("localhost:5000/app", "localhost:5000/app:latest", "localhost:5000/app:latest"),
        ("[::1]:5000/app:1", "[::1]:5000/app:1", "[::1]:5000/app:1"),
        (f"example.com/app@{DIGEST}", f"example.com/app@{DIGEST}", f"example.com/app@{DIGEST}"),
        (f"example.com/app:1@{DIGEST}", f"example.com/app@{DIGEST}", "example.com/app:1"),
    ],
)
def test_a_reference_has_a_name_in_a_registry_and_in_the_store(text: str, remote: str, local: str) -> None:
    """Without a host it is on docker.io, and in the store below localhost; a digest wins in a registry."""
    reference = parse_reference(text)
    assert (str(reference), reference.remote, reference.local) == (text, remote, local)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it is empty"),
        ("-app", "starts like an option"),
        ("App", "'App' is not a part of a name"),
        ("app:", "'' is not a tag"),
        ("app:-1", "'-1' is not a tag"),
        ("app:" + "x" * 129, "is not a tag"),
        ("app:1\n--tls-verify=false", "holds '\\n'"),
        ("app name", "holds ' '"),
        ("docker://app", "it is a URL"),
        ("example.com:port/app", "is not a host and port"),
        ("example.com:99999/app", "'example.com:99999' is not a host and port: its port is out of range"),
        ("example.com//app", "'' is not a part of a name"),
        ("app@sha256:12", "expected sha256: and 64"),
        ("a" * 300, "longer than 255"),
        ("ünï/app", "holds 'ü'"),
        ("../app", "is not a host and port"),
        ("oci:/srv/image", "'oci:/srv/image' is not the name of an image: `oci:` names a folder, a file or a store"),
        ("containers-storage:localhost/app:1", "`containers-storage:` names a folder, a file or a store"),
    ],
)
def test_an_invalid_reference_is_reported_with_its_invalid_part(text: str, why: str) -> None:
    """The error names the flag, the text and the reason; nothing was started for it."""
    with pytest.raises(ReferenceFormatError) as caught:
        parse_reference(text)
    assert why in caught.value.message
    assert caught.value.message.startswith("--tag: ")
    assert caught.value.exit_code == 22


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("u:Pass12@h.example/app", "'***@h.example/app'"),
        ("token-Pass12@h.example/app", "'***@h.example/app'"),
        (f"u:Pass12@h.example/app@{DIGEST}", f"'***@h.example/app@{DIGEST}'"),
        ("u:Pass12/app", "'u:***' is not a host and port"),
        ("docker://u:Pass12", "'docker://"),
        ("docker://u:Pass12@h.example/app", "'docker://"),
    ],
)
def test_a_password_in_a_reference_is_not_shown(text: str, shown: str) -> None:
    """Neither before an `@`, nor where a port belongs."""
    with pytest.raises(ReferenceFormatError) as caught:
        parse_reference(text)
    assert shown in caught.value.message
    assert "Pass12" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"), [("127.0.0.1:5000/a", True), ("localhost/a", True), ("127.example.com/a", False)]
)
def test_only_this_machine_is_loopback(text: str, expected: bool) -> None:
    """Plain HTTP is the default only for addresses of this machine."""
    assert parse_reference(text).loopback is expected
