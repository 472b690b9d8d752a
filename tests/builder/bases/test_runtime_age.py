"""A base with an older runtime than the builder's is reported."""

from __future__ import annotations

import pytest

from ovenbird_builder.bases.probe import TargetPython
from ovenbird_builder.bases.runtime_age import describe_old_runtime


def make_interpreter(runtime: str) -> TargetPython:
    return TargetPython("3.12.1", "", "", "", "", "", "", "", "", "", "", (), {}, runtime, "")


def test_an_older_runtime_is_reported_with_a_hint() -> None:
    """Both versions, and the commands that make a new base and put it below."""
    (text,) = describe_old_runtime("x/base:3.12", make_interpreter("0.9.0"), "0.10.0")
    assert "x/base:3.12 brings Ovenbird 0.9.0, older than the 0.10.0" in text
    assert "ovenbird base build 3.12" in text
    assert "ovenbird rebase IMAGE --base" in text


@pytest.mark.parametrize("runtime", ["", "0.10.0", "0.11.0", "0.10.0.post1", "unknown"])
def test_no_other_runtime_is_reported(runtime: str) -> None:
    """None, the same, a newer one, and what is no version."""
    assert describe_old_runtime("x", make_interpreter(runtime), "0.10.0") == ()
