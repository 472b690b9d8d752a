from __future__ import annotations

import os

import pytest

from ovenbird_builder.host.process_id import format_process_id, has_ended


def test_this_process_lives() -> None:
    """A name of this process is not a leftover."""
    pid, start = format_process_id().split("-")
    assert int(pid) == os.getpid()
    assert not has_ended(pid, start)


def test_a_number_that_another_process_has_now_does_not_deceive() -> None:
    """The start time identifies the process."""
    assert has_ended(str(os.getpid()), "1")


@pytest.mark.parametrize("pid", ["", "0", "x", "²", "1" * 40])
def test_other_names_are_nobodys_leftovers(pid: str) -> None:
    """Names of other programs stay."""
    assert not has_ended(pid, "1")
