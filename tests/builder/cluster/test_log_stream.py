"""The log of a pod, over connections that break off at every line."""

from __future__ import annotations

import pytest

from ovenbird_builder.cluster.log_stream import LogStream, SeenLines

from .conftest import StandIn

STEADY = [f"2026-11-29T11:00:{n // 3:02}.{n:09}Z line {n}\n" for n in range(8)]
TWICE = ["2026-11-29T11:00:00.5Z tick\n"] * 3 + ["2026-11-29T11:00:00.5Z end\n"]
ZONE = [f"2026-11-29T12:00:0{n}.5+01:00 line {n}\n" for n in range(3)]


@pytest.mark.parametrize("lines", [STEADY, TWICE, ZONE], ids=["steady", "alike", "zone"])
def test_a_log_that_breaks_at_every_line(standin: StandIn, lines: list[str]) -> None:
    """Each line comes once and whole, those that are alike too, and the last one without its line feed."""
    standin.put("log", "".join(lines).rstrip("\n").encode())
    taken: list[bytes] = []
    stream = LogStream(standin.kubectl, "greet-1", taken.append, pytest.fail)
    assert stream.finish(60)
    assert b"".join(taken).decode() == "\n".join(line.rstrip("\n").partition(" ")[2] for line in lines)


def test_a_clock_that_goes_back() -> None:
    """After a break all lines from the last one's second on come again, those of the former time too: none is new."""
    seen = SeenLines()
    lines = [f"2026-11-29T11:{minute}:00.1Z {text}\n".encode() for minute, text in ((50, "a"), (51, "b"), (20, "c"))]
    assert [seen.is_new(line) for line in lines] == [True] * 3
    assert seen.since == "2026-11-29T11:20:00Z"
    seen.begin_connection()
    assert [seen.is_new(line) for line in [*lines, b"2026-11-29T11:20:01.1Z d\n"]] == [False, False, False, True]
