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


def follow_replaced(standin: StandIn, rest: str) -> str:
    """Return lines and notes of a log whose file is replaced by another one when its first two lines were read."""
    standin.put("log", "".join(STEADY[:2]).encode())
    told: list[str] = []

    def take(text: bytes) -> None:
        told.append(text.decode())
        standin.put("log", rest.encode())

    stream = LogStream(standin.kubectl, "greet-1", take, lambda note: told.append(f"({note})\n"))
    assert stream.finish(60)
    return "".join(told)


NOTE = "(the log may lack lines from 11:00:00 %s: the node has begun a new file meanwhile)\n"


@pytest.mark.parametrize(
    ("rest", "told"),
    [
        ("2026-11-29T11:00:09.1Z a\n2026-11-29T11:00:30.1Z b\n", NOTE % "to 11:00:09" + "a\nb\n"),
        ("2026-11-29T11:00:01.1Z a\n", "a\n"),
        ("", NOTE % "on"),
    ],
    ids=["later", "adjacent", "empty"],
)
def test_a_log_whose_file_was_replaced(standin: StandIn, rest: str, told: str) -> None:
    """A note says between which times lines may be missing; nothing where one line was written after the other."""
    assert follow_replaced(standin, rest) == "line 0\n" + told


def test_lines_that_were_forgotten_are_no_gap() -> None:
    """Of very many lines in a second the first ones are not known again."""
    seen = SeenLines()
    lines = [f"2026-11-29T11:00:00.{number:06}Z a\n".encode() for number in range(200_001)]
    assert all(map(seen.is_new, lines))
    seen.trim()
    seen.begin_connection()
    assert seen.is_new(lines[0])
    assert not seen.gap
    seen.begin_connection()
    assert seen.is_new(b"2026-11-29T11:00:09.1Z c\n")
    assert seen.gap == "11:00:00 to 11:00:09"


@pytest.mark.parametrize(
    ("size", "waited", "gap"),
    [(11 * 2**20, 0.1, "11:00:00 to 11:00:09"), (11 * 2**20, 9.0, ""), (2**20, 0.1, "")],
    ids=["passed-over", "silence", "small"],
)
def test_a_file_that_is_passed_over(size: int, waited: float, gap: str) -> None:
    """Within a connection: after more than a file holds, a line of much later comes at once, not after a silence."""
    seen = SeenLines()
    seen.begin_connection()
    seen.note_arrival(size, 100.0)
    assert seen.is_new(b"2026-11-29T11:00:00.1Z a\n")
    seen.note_arrival(100, 100.0 + waited)
    assert seen.is_new(b"2026-11-29T11:00:09.1Z b\n")
    assert seen.gap == gap
