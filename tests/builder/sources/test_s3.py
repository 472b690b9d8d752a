"""S3 sources, from moto's server, and from one that refuses."""

from __future__ import annotations

import io
import threading
import time
import zipfile
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler as Request
from pathlib import Path
from typing import Any

import pytest
from tests import hostile_tars
from tests.stores import Server, send_reply

from ovenbird_builder.errors import (
    SourceAuthError,
    SourceError,
    SourceMissingError,
    SourceUnreachableError,
    UnsafeSourceError,
)
from ovenbird_builder.host.network import NetworkSettings

from .conftest import Fetch, read_tree

Put = Callable[..., None]


@pytest.fixture
def put_object(s3: dict[str, str]) -> Any:
    """Put objects into the bucket `outputs`."""
    import boto3

    client = boto3.client(
        "s3", endpoint_url=s3["AWS_ENDPOINT_URL"], aws_access_key_id="a", aws_secret_access_key="b",
        region_name="us-east-1",
    )  # fmt: skip

    def run(objects: dict[str, bytes]) -> None:
        for key, data in objects.items():
            client.put_object(Bucket="outputs", Key=key, Body=data)

    yield run
    client.close()


@pytest.mark.slow
def test_an_object_is_a_file(fetch_tree: Fetch, s3: dict[str, str], put_object: Put) -> None:
    put_object({"src/score.py": b"def fn(): ..."})
    tree = fetch_tree("s3://outputs/src/score.py", handler="score:fn", **s3)
    assert (read_tree(tree), tree.file) == ({"score.py": "def fn(): ..."}, "score.py")
    assert tree.uri == "s3://outputs/src/score.py"
    assert tree.revision.startswith("sha256:")


@pytest.mark.slow
def test_a_prefix_is_a_folder(fetch_tree: Fetch, s3: dict[str, str], put_object: Put) -> None:
    """All objects below it and no others; the revision changes with an object."""
    put_object({f"app/pkg/f{number}.txt": str(number).encode() for number in range(30)})
    put_object(
        {"app/main.py": b"x", "app/": b"", "app/sub/": b"", "application/other.py": b"y", "app/__pycache__/z": b"z"}
    )
    tree = fetch_tree("s3://outputs/app/", **s3)
    assert read_tree(tree) == {"main.py": "x"} | {f"pkg/f{number}.txt": str(number) for number in range(30)}
    put_object({"app/main.py": b"z"})
    again = fetch_tree("s3://outputs/app/", **s3)
    assert again.digest != tree.digest
    assert again.revision != tree.revision
    bucket_tree = fetch_tree("s3://outputs/", **s3)
    assert {"app/main.py", "application/other.py"} <= set(read_tree(bucket_tree))


def test_a_zip_is_unpacked(fetch_tree: Fetch, s3: dict[str, str], put_object: Put) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as opened:
        opened.writestr("main.py", "x")
    put_object({"app.zip": data.getvalue()})
    tree = fetch_tree("zip+s3://outputs/app.zip", **s3)
    assert (read_tree(tree), tree.uri) == ({"main.py": "x"}, "zip+s3://outputs/app.zip")
    tar = hostile_tars.build(*(hostile_tars.Member(f"app/{name}", b"x") for name in ("main.py", "lib/main.py")))
    put_object({"app.tar.gz": hostile_tars.PACKERS["gzip"](tar), "a#b.py": b"y"})
    tree = fetch_tree("s3://outputs/app.tar.gz", **s3)
    assert (set(read_tree(tree)), tree.uri) == ({"main.py", "lib/main.py"}, "s3://outputs/app.tar.gz")
    tree = fetch_tree("zip+s3://outputs/app.tar.gz#lib", **s3)
    assert (read_tree(tree), tree.uri) == ({"main.py": "x"}, "zip+s3://outputs/app.tar.gz#lib")
    assert read_tree(fetch_tree("s3://outputs/a#b.py", **s3)) == {"main.py": "y"}


def test_a_missing_object_is_reported(fetch_tree: Fetch, s3: dict[str, str], put_object: Put) -> None:
    """The key, the prefix, the bucket."""
    for source in ("s3://outputs/none.py", "zip+s3://outputs/none.zip"):
        with pytest.raises(SourceMissingError, match=r"s3://outputs/none.* does not exist"):
            fetch_tree(source, **s3)
    with pytest.raises(SourceMissingError, match=r"no object lies below it"):
        fetch_tree("s3://outputs/none/", **s3)
    for source in ("s3://no-such-bucket/main.py", "s3://no-such-bucket/app/"):
        with pytest.raises(SourceMissingError, match=r"the bucket does not exist"):
            fetch_tree(source, **s3)


@pytest.mark.parametrize(
    "source", ["s3://", "s3:///key", "s3://-x/key", "zip+s3://bucket", "s3://b/a\nb", "s3://a@b/c"]
)
def test_a_url_without_bucket_or_key_is_reported(fetch_tree: Fetch, source: str) -> None:
    with pytest.raises(SourceError):
        fetch_tree(source)


@pytest.mark.parametrize("key", ["app/../out.py", "app//etc/x", "app/a\\b", "app/.wh.x", "app/a/./b"])
def test_a_key_that_leaves_the_folder_is_refused(
    fetch_tree: Fetch, s3: dict[str, str], server: Server, key: str
) -> None:
    """As a store that allows any key lists it."""
    listing = (
        f'<?xml version="1.0"?><ListBucketResult><Name>b</Name><IsTruncated>false</IsTruncated><KeyCount>1</KeyCount>'
        f"<Contents><Key>{key}</Key><LastModified>2020-01-01T00:00:00.000Z</LastModified><ETag>1</ETag><Size>1</Size>"
        f"</Contents></ListBucketResult>"
    ).encode()

    def answer(request: Request) -> None:
        send_reply(request, listing)

    server.answer = answer
    with pytest.raises(SourceError):
        fetch_tree("s3://b/app/", **(s3 | {"AWS_ENDPOINT_URL": server.url}))


def test_a_key_that_is_file_and_folder_is_refused(fetch_tree: Fetch, s3: dict[str, str], put_object: Put) -> None:
    put_object({"both/a": b"x", "both/a/b": b"y"})
    with pytest.raises(UnsafeSourceError, match=r"'a' is both a file and a folder"):
        fetch_tree("s3://outputs/both/", **s3)


def test_more_than_the_limit_is_refused(fetch_tree: Fetch, s3: dict[str, str], put_object: Put) -> None:
    put_object({"big/main.py": b"x" * 5000, "big/other": b""})
    for source in ("s3://outputs/big/", "s3://outputs/big/main.py"):
        with pytest.raises(UnsafeSourceError, match=r"2.0 KiB"):
            fetch_tree(source, OVENBIRD_SOURCE_LIMIT="2KiB", **s3)
    with pytest.raises(UnsafeSourceError, match=r"1 files"):
        fetch_tree("s3://outputs/big/", OVENBIRD_SOURCE_FILES="1", **s3)


@pytest.mark.parametrize("source", ["s3://b/main.py", "s3://b/app/"])
def test_a_refusal_is_reported_without_the_response_body(
    fetch_tree: Fetch, s3: dict[str, str], server: Server, source: str
) -> None:
    """Which may repeat the key."""
    body = b"<Error><Code>InvalidAccessKeyId</Code><AWSAccessKeyId>AKIDEXAMPLE</AWSAccessKeyId></Error>"

    def deny(request: Request) -> None:
        send_reply(request, body, 403)

    server.answer = deny
    with pytest.raises(SourceAuthError, match=r"AWS_ACCESS_KEY_ID") as caught:
        fetch_tree(source, **(s3 | {"AWS_ENDPOINT_URL": server.url}))
    assert "AKIDEXAMPLE" not in str(caught.value)
    assert "wJalrSECRET" not in str(caught.value)


@pytest.mark.slow
def test_a_hanging_or_unreachable_store_is_reported(fetch_tree: Fetch, s3: dict[str, str], server: Server) -> None:
    release = threading.Event()
    server.answer = lambda request: release.wait(20)
    environ = s3 | {"AWS_ENDPOINT_URL": server.url}
    start_time = time.monotonic()
    try:
        with pytest.raises(SourceUnreachableError):
            fetch_tree("s3://b/main.py", timeout=1, **environ)
        assert time.monotonic() - start_time < 8
    finally:
        release.set()
    unreachable = s3 | {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    with pytest.raises(SourceUnreachableError, match=r"cannot be reached"):
        fetch_tree("s3://b/main.py", timeout=3, **unreachable)


def test_a_full_disk_leaves_nothing(fetch_tree: Fetch, s3: dict[str, str], put_object: Put, full_disk: Path) -> None:
    put_object({"main.py": b"x" * 3_000_000, "full/a": b"x" * 3_000_000, "full/b": b""})
    for source in ("s3://outputs/main.py", "s3://outputs/full/"):
        with pytest.raises(SourceError, match=r"is full"):
            fetch_tree(source, into=full_disk / "tree", **s3)


def test_an_unknown_signature_is_reported(fetch_tree: Fetch, s3: dict[str, str]) -> None:
    with pytest.raises(SourceError, match=r"S3_SIGNATURE_VERSION: 's3' is not supported"):
        fetch_tree("s3://outputs/main.py", **(s3 | {"S3_SIGNATURE_VERSION": "s3"}))


@pytest.mark.slow
def test_the_sites_authority_is_used(fetch_tree: Fetch, s3: dict[str, str], tls_server: tuple[Server, Path]) -> None:
    server, cert = tls_server

    def answer(request: Request) -> None:
        request.send_response(200)
        for name, value in (
            ("Content-Length", "1"),
            ("ETag", '"1"'),
            ("Last-Modified", "Thu, 01 Jan 1970 00:00:00 GMT"),
        ):
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(b"x")

    server.answer = answer
    environ = s3 | {"AWS_ENDPOINT_URL": server.url}
    with pytest.raises(SourceUnreachableError):
        fetch_tree("s3://b/main.py", timeout=3, **environ)
    assert read_tree(fetch_tree("s3://b/main.py", network=NetworkSettings(cert), **environ)) == {"main.py": "x"}
