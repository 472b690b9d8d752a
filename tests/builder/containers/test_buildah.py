"""Arguments of buildah, as it reads them."""

from __future__ import annotations

import pytest

from ovenbird_builder.containers.buildah import RunOptions, run


@pytest.mark.parametrize(
    ("mount", "flag"),
    [
        ("/a:/b", "--volume=/a:/b"), ("/a:/b:ro", "--volume=/a:/b:ro"),
        ("/etc/my:site, x.pem:/run/ca.pem:ro", r"--volume=/etc/my\:site, x.pem:/run/ca.pem:ro"),
        ("/a:b:ro:/c", r"--volume=/a\:b\:ro:/c"),
    ],
)  # fmt: skip
def test_a_colon_in_a_path_of_this_machine_is_escaped(mount: str, flag: str) -> None:
    """Else buildah takes it for the end of the path."""
    assert flag in run("c", ["true"], RunOptions(mounts=[mount]))
