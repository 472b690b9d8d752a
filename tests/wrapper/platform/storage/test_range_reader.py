from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest
from tests.stores import send_reply

from ovenbird.errors import InputError
from ovenbird.platform.storage import files
from ovenbird.platform.storage.range_reader import BLOCK, open_range_reader

DATA = os.urandom(BLOCK + 1000)


def read_all(url: str, environ: dict[str, str]) -> tuple[int | None, bytes, bytes, bytes]:
    """Return the size of a file, a part of it, what lies beyond its end, and the whole of it."""
    reader = open_range_reader(url, environ)
    try:
        return reader.size, reader.read(5, 10), reader.read(len(DATA) + 5, 10), b"".join(reader.stream())
    finally:
        reader.close()


def test_a_local_file_is_read_in_parts_and_whole(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(DATA)
    assert read_all(str(tmp_path / "a"), {}) == (len(DATA), DATA[5:15], b"", DATA)


def test_an_object_is_read_in_parts_and_whole(s3: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(DATA)
    files.upload([tmp_path / "a"], "s3://outputs/a", s3)
    assert read_all("s3://outputs/a", s3) == (len(DATA), DATA[5:15], b"", DATA)


def test_a_web_address_is_read_by_ranges(server: Any) -> None:
    def answer(request: Any) -> None:
        start, _, end = (request.headers.get("Range") or f"bytes=0-{len(DATA)}").removeprefix("bytes=").partition("-")
        send_reply(request, DATA[int(start) : int(end) + 1], 206 if "Range" in request.headers else 200)

    server.answer = answer
    assert read_all(f"{server.url}/a?token=secret", {}) == (len(DATA), DATA[5:15], b"", DATA)


def test_a_server_without_ranges_is_read_from_its_beginning(server: Any) -> None:
    """A later part of its file is an error, not the wrong bytes."""
    server.answer = lambda request: send_reply(request, DATA)
    reader = open_range_reader(server.url, {})
    assert reader.read(0, 10) == DATA[:10]
    with pytest.raises(InputError, match="from the beginning only"):
        reader.read(5, 10)
    reader.close()


@pytest.mark.parametrize("kind", ["missing", "folder", "fifo", "sql", "bucket", "web"])
def test_what_cannot_be_read_is_an_error_with_the_reason(
    kind: str, s3: dict[str, str], server: Any, tmp_path: Path
) -> None:
    """A FIFO is not waited for."""
    os.mkfifo(tmp_path / "fifo")
    server.answer = lambda request: send_reply(request, b"", 403)
    url, message = {
        "missing": (f"{tmp_path}/none", "is not there"),
        "folder": (f"{tmp_path}", "no regular file"),
        "fifo": (f"{tmp_path}/fifo", "no regular file"),
        "sql": ("sql://db/schema/table", "no"),
        "bucket": ("s3://outputs/none", "is not there|404"),
        "web": (f"{server.url}/x?token=hidden", "answered 403"),
    }[kind]
    with pytest.raises(InputError, match=message) as caught:
        open_range_reader(url, s3)
    assert "hidden" not in str(caught.value)


@pytest.mark.slow
def test_a_store_that_does_not_answer_is_given_up(s3: dict[str, str]) -> None:
    """A store whose port accepts connections, and that says nothing, is an error in time."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        environ = {**s3, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{silent.getsockname()[1]}"}
        with pytest.raises(InputError, match="s3://outputs/a cannot be read"):
            open_range_reader("s3://outputs/a", environ)
