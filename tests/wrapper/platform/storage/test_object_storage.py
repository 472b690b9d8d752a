from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from tests.stores import send_reply

from ovenbird.common.hashing import checksum_file
from ovenbird.errors import InputError, OutputError
from ovenbird.platform.storage import files


@pytest.mark.slow
@pytest.mark.parametrize("size", [0, 10, 20_000_000])
def test_an_object_is_stored_with_its_digest_and_read_back(s3: dict[str, str], tmp_path: Path, size: int) -> None:
    (tmp_path / "a.parquet").write_bytes(os.urandom(size))
    (info,) = files.upload([tmp_path / "a.parquet"], "s3://outputs/p/a.parquet", s3)
    assert info["hash"] == checksum_file(tmp_path / "a.parquet")
    assert (info["path"], info["size"], info["content_type"]) == ("a.parquet", size, "application/vnd.apache.parquet")
    files.download("s3://outputs/p/a.parquet", tmp_path / "b", s3)
    assert (tmp_path / "b").read_bytes() == (tmp_path / "a.parquet").read_bytes()


def test_a_folder_is_stored_listed_fetched_and_removed(s3: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "in/sub").mkdir(parents=True)
    (tmp_path / "in/a").write_text("a")
    (tmp_path / "in/sub/b").write_text("b")
    stored = files.upload([tmp_path / "in"], "s3://outputs/folder/", s3)
    assert [info["path"] for info in stored] == ["a", "sub/b"] == files.list_files("s3://outputs/folder/", s3)
    files.download("s3://outputs/folder/", tmp_path / "out", s3)
    assert (tmp_path / "out/sub/b").read_text() == "b"
    files.remove("s3://outputs/folder/", ["a", "sub/b", "absent"], s3)
    assert files.list_files("s3://outputs/folder/", s3) == []


def test_what_is_absent_is_named(s3: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    with pytest.raises(InputError, match="s3://outputs/none cannot be read: the store answered 404"):
        files.download("s3://outputs/none", tmp_path / "b", s3)
    with pytest.raises(OutputError, match=r"s3://no-bucket/x was not stored: .* \(NoSuchBucket\)"):
        files.upload([tmp_path / "a"], "s3://no-bucket/x", s3)
    assert not (tmp_path / "b").exists()


@pytest.mark.slow
@pytest.mark.parametrize("status", [403, 500])
def test_the_error_for_a_refusal_leaves_out_the_response(server: Any, tmp_path: Path, status: int) -> None:
    def answer(request: Any) -> None:
        body = b"<Error><Code>Refused</Code><Message>key wJalrSECRET</Message></Error>"
        send_reply(request, body, status)

    server.answer = answer
    environ = {"AWS_ENDPOINT_URL": server.url, "AWS_ACCESS_KEY_ID": "AK", "AWS_SECRET_ACCESS_KEY": "wJalrSECRET"}
    (tmp_path / "a").write_text("a")
    with pytest.raises(OutputError, match=f"s3://outputs/a was not stored: the store answered {status}") as stored:
        files.upload([tmp_path / "a"], "s3://outputs/a", environ)
    with pytest.raises(InputError, match=f"s3://outputs/a cannot be read: the store answered {status}") as read:
        files.download("s3://outputs/a", tmp_path / "b", environ)
    assert "SECRET" not in str(stored.value) + str(read.value)
    hint = "the credentials in the environment do not allow it" if status == 403 else ""
    assert (stored.value.hint, read.value.hint) == (hint, hint)
    assert len(server.requests) == (2 if status == 403 else 10)


@pytest.mark.slow
def test_an_object_that_breaks_off_goes_on_where_it_was(server: Any, tmp_path: Path) -> None:
    data = os.urandom(5_000_000)

    def answer(request: Any) -> None:
        start = int(request.headers.get("Range", "bytes=0-")[6:].split("-")[0])
        request.send_response(206 if "Range" in request.headers else 200)
        request.send_header("ETag", '"one"')
        request.send_header("Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT")
        request.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        request.send_header("Content-Length", str(len(data) - start))
        request.end_headers()
        request.wfile.write(data[start : start + 2_000_000])
        request.close_connection = True

    server.answer = answer
    environ = {"AWS_ENDPOINT_URL": server.url, "AWS_ACCESS_KEY_ID": "AK", "AWS_SECRET_ACCESS_KEY": "S"}
    files.download("s3://outputs/a", tmp_path / "b", environ)
    assert (tmp_path / "b").read_bytes() == data


@pytest.mark.slow
def test_an_unreachable_store_is_reported(server: Any, tmp_path: Path) -> None:
    server.close()
    (tmp_path / "a").write_text("a")
    environ = {"AWS_ENDPOINT_URL": server.url, "AWS_ACCESS_KEY_ID": "AK", "AWS_SECRET_ACCESS_KEY": "S"}
    with pytest.raises(OutputError, match="the store cannot be reached") as caught:
        files.upload([tmp_path / "a"], "s3://outputs/a", environ)
    assert "AWS_ENDPOINT_URL" in caught.value.hint


def test_markers_of_folders_are_no_files(s3: dict[str, str], tmp_path: Path) -> None:
    """Consoles make an empty object for a folder; an empty file is a file."""
    import boto3

    client = boto3.client(
        "s3", endpoint_url=s3["AWS_ENDPOINT_URL"], aws_access_key_id="a", aws_secret_access_key="b",
        region_name="us-east-1",
    )  # fmt: skip
    for key in ("in/", "in/sub/", "in/lone/", "in/empty", "in/sub/a"):
        client.put_object(Bucket="outputs", Key=key, Body=b"a" if key.endswith("a") else b"")
    client.close()
    files.download("s3://outputs/in/", tmp_path / "out", s3)
    assert files.list_files("s3://outputs/in/", s3) == ["empty", "sub/a"]
    assert [path.read_bytes() for path in (tmp_path / "out/empty", tmp_path / "out/sub/a")] == [b"", b"a"]


@pytest.mark.slow
def test_a_large_object_moves_in_bounded_memory(s3: dict[str, str], tmp_path: Path) -> None:
    with (tmp_path / "big").open("wb") as file:
        for _ in range(192):  # more MiB than the process may take
            file.write(os.urandom(1024 * 1024))
    program = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        from ovenbird.platform.storage import files
        folder, environ = Path(sys.argv[1]), dict(item.split("=", 1) for item in sys.argv[2:])
        files.upload([folder / "big"], "s3://outputs/big", environ)
        files.download("s3://outputs/big", folder / "back", environ)
        # not ru_maxrss, which counts the parent's memory at the time of the fork
        print(int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) // 1024)
        """
    )
    settings = [f"{name}={value}" for name, value in s3.items()]
    process = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path), *settings], capture_output=True, text=True, check=True
    )
    assert int(process.stdout) < 150
    assert checksum_file(tmp_path / "back") == checksum_file(tmp_path / "big")
