"""Servers that fail: a report costs a run one warning, whatever the server does, and no secret."""

from __future__ import annotations

import json
import os
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from tests.authority import make_tls_context
from tests.jobs import Jobs
from tests.stores import Server, send_reply
from tests.tcp import TcpServer

from ovenbird.lineage.reported_run import ReportedRun, RunOutcome
from ovenbird.lineage.run_reports import RunReports

RUN = ReportedRun("5f" * 16, "store://p/run/x", "p", "f", "main:f", Path("/nowhere"), "", "2026-01-02T03:04:05.678Z")
OUTCOME = RunOutcome("COMPLETED", "2026-01-02T03:04:06.000Z")
SECRETS = {"OPENLINEAGE_API_KEY": "key-of-marquez", "MLFLOW_TRACKING_TOKEN": "token-of-mlflow"}


def report(environ: Mapping[str, str]) -> RunReports:
    """Report a whole run."""
    reports = RunReports({**SECRETS, **environ})
    reports.start(RUN)
    reports.end(OUTCOME)
    return reports


def name_servers(url: str) -> dict[str, str]:
    """Return the variables for both kinds of servers, at the same address."""
    return {"OPENLINEAGE_URL": url, "MLFLOW_TRACKING_URI": url}


class SilentServer(TcpServer):
    """Accepts and never answers."""

    def talk(self, client: socket.socket, number: int) -> None:
        """Read, and say nothing."""
        while client.recv(65536):
            pass


class TlsServer(TcpServer):
    """Answers each request by TLS."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.context = context
        self.heads: list[bytes] = []
        super().__init__()

    def talk(self, client: socket.socket, number: int) -> None:
        """Answer 201 once."""
        client = self.adopt(self.context.wrap_socket(client, server_side=True))
        self.heads.append(client.recv(65536))
        client.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


@contextmanager
def closing(server: SilentServer | TlsServer) -> Iterator[SilentServer | TlsServer]:
    try:
        yield server
    finally:
        server.close()


def test_what_a_server_says(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    """A refusal is one warning for each server: status and reason, without the credentials that the server repeats."""

    def refuse(request: BaseHTTPRequestHandler) -> None:
        said = f"bad {request.headers['Authorization']} or pass-word at https://a:b-secret@x{request.path}"
        send_reply(request, json.dumps({"message": said}).encode(), 401)

    server.answer = refuse
    address = server.url.replace("//", "//me:pass-word@") + "/p?code=query-secret"
    report({**name_servers(address), "OPENLINEAGE_API_KEY": ""})
    texts = sorted(record.getMessage() for record in caplog.records)
    assert len(texts) == 2
    assert all("it answered 401: 'bad" in text and text.endswith("the run goes on") for text in texts)
    assert [text.partition(":")[0] for text in texts] == ["MLflow", "OpenLineage"]
    assert not [word for word in ("of-mlflow", "bWU6", "pass-word", "b-secret", "query-secret") if word in caplog.text]
    sent = {path: headers["authorization"] for _, path, headers in server.requests}
    assert sent["/p/api/v1/lineage?code=query-secret"] == "Basic bWU6cGFzcy13b3Jk"
    assert sent["/p/api/2.0/mlflow/runs/create?code=query-secret"] == "Bearer token-of-mlflow"


@pytest.mark.parametrize(("answer", "reason"), [
    (lambda request: send_reply(request, b"oops", 500), "it answered 500: 'oops'"),
    (lambda request: send_reply(request, b"", 301, Location="https://b/?t=secret"), "redirects are not followed"),
    (lambda request: request.wfile.write(b"SSH-2.0\r\n\r\n"), "the connection broke off"),
    (lambda request: send_reply(request, b"<html>", 200), "its answer has no run"),
], ids=["500", "redirect", "no HTTP", "no MLflow"])  # fmt: skip
def test_odd_answers(
    server: Server, caplog: pytest.LogCaptureFixture, answer: Callable[..., None], reason: str
) -> None:  # fmt: skip
    """What is no answer of a tracking server is told as such."""
    server.answer = answer
    reports = report({"MLFLOW_TRACKING_URI": server.url})
    (record,) = caplog.records
    assert reason in record.getMessage()
    assert "secret" not in caplog.text
    assert reports.list_variables() == {}


def test_a_refused_part_leaves_no_run_open(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    """Where the server refuses metrics and tags, the run of MLflow still gets its end."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        if request.path.endswith("/runs/log-batch"):
            send_reply(request, b'{"message": "too long"}', 400)
        else:
            send_reply(request, b'{"run": {"info": {"run_id": "r1"}, "data": {}}}')

    server.answer = answer
    reports = RunReports({"MLFLOW_TRACKING_URI": server.url})
    reports.start(RUN)
    reports.end(replace(OUTCOME, results={"rows": 3}))
    assert server.requests[-1][1].endswith("/runs/update")
    assert json.loads(server.bodies[-1])["status"] == "FINISHED"
    (record,) = caplog.records
    assert "it answered 400: 'too long'" in record.getMessage()


def test_a_password_that_is_no_text(server: Server) -> None:
    """Its bytes are sent as they are."""
    server.answer = lambda request: send_reply(request, b"{}", 500)
    report({
        "MLFLOW_TRACKING_URI": server.url, "MLFLOW_TRACKING_USERNAME": "u", "MLFLOW_TRACKING_PASSWORD": "p\udcff",
        "MLFLOW_TRACKING_TOKEN": "",
    })  # fmt: skip
    assert server.requests[0][2]["authorization"] == "Basic dTpw/w=="


def test_an_address_that_leads_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    """A closed port, a name that nobody has, and a URL that is none are one warning each."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    for url in (f"http://127.0.0.1:{port}", "http://no-such-host.invalid", "marquez:5000", "http://h:99999"):
        report({"OPENLINEAGE_URL": url})
    texts = [record.getMessage() for record in caplog.records]
    reasons = (
        "refused",
        "cannot be resolved",
        "`OPENLINEAGE_URL` is not an HTTP URL",
        "its port is out of range (a port is",
    )
    assert len(texts) == len(reasons)
    assert [reason for reason, text in zip(reasons, texts, strict=True) if reason not in text] == []


@pytest.mark.parametrize("key", ["two\nlines-of-key", "euro-€-key", "odd-\udcff-key"], ids=["line", "euro", "bytes"])
def test_a_key_that_cannot_be_sent(server: Server, caplog: pytest.LogCaptureFixture, key: str) -> None:
    """A key of several lines, or of characters that no header takes, is a warning that does not show it."""
    report({"OPENLINEAGE_URL": server.url, "OPENLINEAGE_API_KEY": key})
    (record,) = caplog.records
    assert "characters that HTTP cannot send" in record.getMessage()
    assert not [part for part in ("lines-of", "euro-", "odd-") if part in caplog.text]


@pytest.mark.slow
def test_a_private_authority(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    """A certificate of an unknown authority is a warning; a variable that names the authority makes it known."""
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    context, authority = make_tls_context(tmp_path)
    with closing(TlsServer(context)) as server:
        address = {"OPENLINEAGE_URL": f"https://127.0.0.1:{server.port}"}
        report(address)
        assert "certificate" in caplog.text
        caplog.clear()
        report({**address, "REQUESTS_CA_BUNDLE": str(tmp_path / "missing.pem")})
        assert "it could not be called" in caplog.text
        caplog.clear()
        report({**address, "REQUESTS_CA_BUNDLE": str(authority)})
        assert caplog.records == []


def test_a_proxy(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    """Events go through the proxy that the environment names."""
    server.answer = lambda request: send_reply(request, b"", 201)
    report({"OPENLINEAGE_URL": "http://marquez.invalid", "HTTP_PROXY": server.url})
    assert [path for _, path, _ in server.requests] == ["http://marquez.invalid/api/v1/lineage"] * 2
    assert caplog.records == []


@pytest.mark.slow
def test_servers_that_never_answer(jobs: Jobs) -> None:
    """A run with both servers silent goes well, with a warning for each; its variables are those of before."""
    source = """
        import os

        def handler():
            return os.environ.get("MLFLOW_RUN_ID", "none")
        """
    with closing(SilentServer()) as server:
        job = jobs.run(source, **name_servers(f"http://127.0.0.1:{server.port}"))
    assert (job.code, job.out) == (0, "none\n")
    assert job.err.count("no answer came in time") == 2
    assert job.err.count('"level":"warning"') == 2


@pytest.mark.slow
def test_a_sweep_gives_up_a_dead_server_for_all_lines(jobs: Jobs) -> None:
    """What did not take the start of a sweep is not asked by each of its lines again."""
    jobs.write("def handler(n: int):\n    return n\n")
    with closing(SilentServer()) as server:
        process = jobs.start_ovenbird(
            "run", "main.py", "--grid", "n=1,2", OPENLINEAGE_URL=f"http://127.0.0.1:{server.port}"
        )  # fmt: skip
        _, log = process.communicate(timeout=60)
        assert (process.returncode, server.connections) == (0, 1)
    assert log.count("no answer came in time") == 1


def test_variables_are_restored(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that runs a function in itself has its own variables again afterwards."""
    server.answer = lambda request: send_reply(request, b'{"run": {"info": {"run_id": "r1"}}}', 200)
    monkeypatch.setenv("MLFLOW_RUN_ID", "outer")
    monkeypatch.delenv("OPENLINEAGE_CONTEXT", raising=False)
    reports = RunReports(name_servers(server.url))
    reports.start(RUN)
    reports.set_variables()
    assert os.environ["MLFLOW_RUN_ID"] == "r1"
    assert "OPENLINEAGE_CONTEXT" in os.environ
    reports.restore_variables()
    assert os.environ["MLFLOW_RUN_ID"] == "outer"
    assert "OPENLINEAGE_CONTEXT" not in os.environ
