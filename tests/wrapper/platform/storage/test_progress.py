from __future__ import annotations

import io
import os
import pty
from pathlib import Path

import pytest

from ovenbird.platform.storage import progress


def _read(terminal: int) -> bytes:
    """All that was written to the other end, which is closed."""
    output = b""
    while True:
        try:
            output += os.read(terminal, 10_000)
        except OSError:  # Linux says EIO where a pipe would say end of file
            os.close(terminal)
            return output


def test_nothing_is_written_where_there_is_no_terminal() -> None:
    stream = io.StringIO()
    with progress.show_progress("storing x", 10, stream) as moved:
        assert moved is None
    assert stream.getvalue() == ""


@pytest.mark.parametrize(
    ("total", "message"), [(4 * 1024 * 1024, b"storing x   50% of 4.0 MiB"), (None, b"storing x  2.0 MiB")]
)
def test_a_terminal_shows_how_far_it_is_and_is_left_clean(
    total: int | None, message: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "_PATIENCE", 0.0)
    outer, inner = pty.openpty()
    with os.fdopen(inner, "w") as stream, progress.show_progress("storing x", total, stream) as moved:
        assert moved is not None
        moved(2 * 1024 * 1024)
    output = _read(outer)
    assert message in output
    assert output.endswith(b"\r\x1b[K")


def test_a_short_transfer_shows_nothing(tmp_path: Path) -> None:
    outer, inner = pty.openpty()
    with os.fdopen(inner, "w") as stream:
        with progress.show_progress("storing x", 10, stream) as moved:
            assert moved is not None
            moved(10)
        stream.write("end")
    assert _read(outer) == b"end"
