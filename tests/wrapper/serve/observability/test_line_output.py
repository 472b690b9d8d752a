"""Lines reach files, pipes, terminals and sockets whole, and never wait for a reader."""

from __future__ import annotations

import io
import os
import pty
import socket
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

import pytest

from ovenbird.serve.observability.line_output import WHOLE, LineOutput

PIECE = "x" * 99 + "\n"


def _open_pipe() -> tuple[int, int]:
    return os.pipe()


def _open_terminal() -> tuple[int, int]:
    leader, follower = pty.openpty()
    return leader, follower


def _open_socket() -> tuple[int, int]:
    reader, writer = socket.socketpair()
    return reader.detach(), writer.detach()


@pytest.mark.parametrize(
    ("make", "proc"), [(_open_pipe, True), (_open_pipe, False), (_open_terminal, True), (_open_socket, True)]
)
def test_a_reader_that_does_not_read(
    make: Callable[[], tuple[int, int]], proc: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Writing ends with False instead of waiting; every piece that was taken arrives whole, and later ones too.

    Without /proc a pipe cannot be opened once more: then each write is preceded by a question whether there is room.
    The flags of the stream's own descriptor, which others share, stay as they are.
    """
    if not proc:
        real = os.open
        monkeypatch.setattr(os, "open", lambda path, *rest: real("/nowhere" if "/proc" in str(path) else path, *rest))
    reader, writer = make()
    with os.fdopen(writer, "w", encoding="utf-8") as stream:
        output = LineOutput(lambda: stream)
        count = 0
        while output.write(PIECE):
            count += 1
            assert count < 100_000
        assert os.get_blocking(writer)
        assert not output.wait(0.0)
        text = ""
        while text.count("\n") < count:
            output.finish()
            text += os.read(reader, 65536).decode().replace("\r", "")
        assert text == PIECE * count
        assert output.wait(5.0)
        assert output.write("last\n")
        assert os.read(reader, 65536).decode().replace("\r", "") == "last\n"
    os.close(reader)


def test_a_long_line() -> None:
    """A line that is longer than a pipe takes at once is written in parts, before the next one."""
    reader, writer = os.pipe()
    with os.fdopen(writer, "w", encoding="utf-8") as stream:
        output = LineOutput(lambda: stream)
        assert output.write("y" * 100_000 + "\n")
        assert not output.write("next\n")
        text = os.read(reader, 1 << 20)
        assert output.finish()
        assert output.write("next\n")
        assert text + os.read(reader, 1 << 20) == b"y" * 100_000 + b"\nnext\n"
    os.close(reader)


def test_a_file(tmp_path: Path) -> None:
    """A file is written at the position that it shares with the user's code, whose unfinished line comes first."""
    with (tmp_path / "log").open("w", encoding="utf-8") as stream:
        output = LineOutput(lambda: stream)
        stream.write("begun ")
        assert output.write("one\n")
        stream.write("user\n")
        stream.flush()
        assert output.write("two\n" * WHOLE)
        assert output.descriptors == []
    assert (tmp_path / "log").read_text() == "begun one\nuser\n" + "two\n" * WHOLE


def test_a_stream_that_changes(tmp_path: Path) -> None:
    """The stream may be replaced by one in memory, by a closed one, and its descriptor by another file."""
    first, second = (tmp_path / name for name in ("first", "second"))
    streams: list[TextIO] = []
    output = LineOutput(lambda: streams[-1])
    with first.open("w") as stream:
        streams.append(stream)
        assert output.write("1\n")
        with second.open("w") as other:
            os.dup2(other.fileno(), stream.fileno())
        assert output.write("2\n")
        streams.append(io.StringIO())
        assert output.write("3\n")
        assert output.wait(0.0)
    streams.append(stream)
    assert output.write("closed\n")
    assert (first.read_text(), second.read_text(), streams[1].getvalue()) == ("1\n", "2\n", "3\n")  # type: ignore[attr-defined]


def test_a_stream_of_the_users_own(tmp_path: Path) -> None:
    """A stream of the user's class gets the lines by its `write`; none, or one that raises, does no harm."""

    class Tee(io.TextIOWrapper):
        texts: list[str] = []  # noqa: RUF012 (of this test)

        def write(self, text: str) -> int:
            self.texts.append(text)
            raise RuntimeError("broken")

    with (tmp_path / "log").open("wb") as file:
        streams: list[object] = [Tee(file)]
        output = LineOutput(lambda: streams[-1])
        assert output.write("1\n")
        streams.append(None)
        assert output.write("2\n")
        assert Tee.texts == ["1\n"]


def test_a_full_disk() -> None:
    """A file that takes no more is no reason to stop."""
    with Path("/dev/full").open("w", encoding="utf-8") as stream:
        assert LineOutput(lambda: stream).write("line\n")


def test_an_encoding_that_lacks_characters(tmp_path: Path) -> None:
    """Characters that the stream's encoding lacks are escaped, as on stderr."""
    with (tmp_path / "log").open("w", encoding="ascii") as stream:
        assert LineOutput(lambda: stream).write("ä\n")
    assert (tmp_path / "log").read_text() == "\\xe4\n"
