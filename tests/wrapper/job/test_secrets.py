"""Secrets of a run: its inputs are read with them, and no record, log or listing has them."""

from __future__ import annotations

import http.server
import json
import os
import stat
from base64 import b64encode
from pathlib import Path

import pytest
from tests.jobs import Jobs
from tests.stores import Server, send_reply

S = "s3cr3t"
READS = """
    import logging
    from ovenbird import handler

    @handler(outputs=["count", "address"])
    def handler(data, api_key: str = "", limit: int = 0, options: dict | None = None):
        assert api_key in ("", "s3cr3t")
        logging.info("read")
        return len(open(data.as_file()[0]).read()), "https://u:s3cr3t@h/x"
    """


def answer_authorized(request: http.server.BaseHTTPRequestHandler) -> None:
    """Answer who knows the password, or has the signature."""
    login = "Basic " + b64encode(f"user:{S}".encode()).decode()
    if request.headers.get("Authorization") == login or f"X-Amz-Signature={S}&v=2" in request.path:
        send_reply(request, b"12345")
    else:
        send_reply(request, b"", 401)


@pytest.mark.slow
@pytest.mark.parametrize(
    "form", ["http://user:s3cr3t@{host}/a.txt?v=1", "http://{host}/a.txt?X-Amz-Signature=s3cr3t&v=2"]
)
def test_an_input_is_read_and_its_secret_is_nowhere(jobs: Jobs, server: Server, form: str) -> None:
    """A password or a signature in the URL of an input is in no record, no listing, no lineage, no log, no result file.

    The second run reads it again, though what the first has recorded does not hold it, and makes no new data item.
    """
    server.answer = answer_authorized
    url = form.format(host=server.url.partition("://")[2])
    for _ in range(2):
        job = jobs.run(READS, "--input", f"data={url}", "--param", f"api_key={S}", "--param", "limit=3",
                       "--param", 'options={"password": "s3cr3t", "a": 1}')  # fmt: skip
        assert (job.code, job.result["results"]["count"]) == (0, 5), job.err
        assert S not in job.err
    (item,) = json.loads(jobs.run_verb("dataitems", "list", "--versions"))
    texts = [
        jobs.run_verb("runs", "show", job.result["key"]), jobs.run_verb("dataitems", "show", item["key"]),
        jobs.run_verb("runs", "list"),
        jobs.run_verb("runs", "logs", job.result["id"]),
        *(jobs.run_verb("lineage", job.result["key"], "--format", form) for form in ("text", "json", "dot", "mermaid")),
    ]  # fmt: skip
    for text in texts:
        assert S not in text
    record = json.loads(texts[0])
    assert record["spec"]["parameters"] == {"api_key": "***", "limit": 3, "options": {"password": "***", "a": 1}}
    assert "v=1" in json.loads(texts[1])["spec"]["path"] or "v=2" in json.loads(texts[1])["spec"]["path"]
    database = b"".join(path.read_bytes() for path in jobs.home.glob("ovenbird.db*"))
    masked = database.replace(b'"api_key":"s3cr3t"', b"").replace(rb'"password":"s3cr3t"', b"")
    assert S.encode() not in masked.replace(b'"address":"https://u:s3cr3t@h/x"', b"")


def test_a_failure_keeps_no_secret_of_a_url(jobs: Jobs) -> None:
    """Neither the message nor the traceback of a failure has it."""
    job = jobs.run("def handler():\n    raise ValueError('cannot get https://u:s3cr3t@h/x?token=s3cr3t')\n")
    assert job.code == 74
    assert S not in jobs.run_verb("runs", "show", job.result["key"])
    assert S.encode() not in b"".join(path.read_bytes() for path in jobs.home.glob("ovenbird.db*"))


def _modes(folder: Path) -> set[tuple[str, str]]:
    return {
        ("folder" if path.is_dir() else "file", oct(stat.S_IMODE(path.stat().st_mode)))
        for path in [folder, *folder.rglob("*")]
    }


def test_a_store_is_its_owners_alone(jobs: Jobs) -> None:
    """Folders are 0700 and files 0600, whatever the umask: the database, files next to it, logs and stored files."""
    before = os.umask(0)
    try:
        job = jobs.run("from ovenbird import handler\n@handler(outputs=['a'])\ndef handler():\n    return b'x' * 10\n")
    finally:
        os.umask(before)
    assert job.code == 0, job.err
    assert _modes(jobs.home) <= {("folder", "0o700"), ("file", "0o600")}


def test_a_store_of_an_earlier_version_is_closed(jobs: Jobs) -> None:
    """When it is opened again; a folder with other things in it keeps its mode, what is ours in it does not."""
    jobs.run("def handler(): pass\n")
    for path in [jobs.home, *jobs.home.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    jobs.run_verb("runs", "list")
    top = {path: oct(stat.S_IMODE(path.stat().st_mode)) for path in [jobs.home, *jobs.home.iterdir()]}
    assert set(top.values()) == {"0o700", "0o600"}
    (jobs.home / "notes.txt").touch()
    jobs.home.chmod(0o755)
    (jobs.home / "ovenbird.db").chmod(0o644)
    jobs.run_verb("runs", "list")
    assert oct(stat.S_IMODE(jobs.home.stat().st_mode)) == "0o755"
    assert oct(stat.S_IMODE((jobs.home / "ovenbird.db").stat().st_mode)) == "0o600"
