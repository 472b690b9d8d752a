"""The known name that a mistyped one is near to."""

from __future__ import annotations

import pytest

from ovenbird.common.did_you_mean import nearest_name

KNOWN = ("requirements", "python_version", "base_image", "init_function", "image")


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("requirments", "requirements"),
        ("python_verson", "python_version"),
        ("base-image", "base_image"),
        ("baseImage", "base_image"),
        ("PYTHON_VERSION", "python_version"),
        ("init", "init_function"),
        ("imag", "image"),
        ("im", ""),
        ("xyzzy", ""),
        ("", ""),
        ("x" * 100_000, ""),
    ],
    ids=lambda text: text[:20] or "nothing",
)
def test_a_typing_error_is_near_to_what_was_meant(name: str, near: str) -> None:
    """Letters that are missing, another case, hyphens, and the beginning of a name; a strange name is near to none."""
    assert nearest_name(name, KNOWN) == near
