"""Real registries of a test's own: with a password, with tokens; and one that has the referrers API."""

from __future__ import annotations

import base64
import datetime
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.registry import run_registry

USER, PASSWORD = "ada", "hush hush"
_HASH = "$2b$04$1dpq4Pi/C8PHkU29QY3QkuARawnuzsDtfCCuuJyXQkNvR2fcxPn12"  # bcrypt of the password


@contextmanager
def with_password(folder: Path) -> Iterator[str]:
    """Yield a registry that wants USER and PASSWORD by basic authentication."""
    folder.mkdir(exist_ok=True)
    (folder / "htpasswd").write_text(f"{USER}:{_HASH}\n")
    with run_registry(
        folder, folder / "store", f'auth: {{htpasswd: {{realm: tests, path: "{folder / "htpasswd"}"}}}}\n'
    ) as address:
        yield address


@contextmanager
def with_tokens(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Run a registry with a token server that requires USER and PASSWORD; yield the requested scopes too."""
    folder.mkdir(exist_ok=True)
    signer = _Signer(folder / "cert.pem")
    with _served(_tokens(signer)) as (address, scopes):
        auth = (
            f'auth: {{token: {{realm: "http://{address}/token", service: tests, issuer: tests,'
            f' rootcertbundle: "{folder / "cert.pem"}"}}}}\n'
        )
        with run_registry(folder, folder / "store", auth) as registry:
            yield registry, scopes


class _Signer:
    """A key of its own, whose certificate the registry trusts; signs tokens as JWT."""

    def __init__(self, certificate: Path) -> None:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec

        self.key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "tests")])
        now = datetime.datetime.now(datetime.timezone.utc)
        day = datetime.timedelta(days=1)
        builder = x509.CertificateBuilder(name, name, self.key.public_key(), 1, now - day, now + day)
        signed = builder.sign(self.key, hashes.SHA256())
        certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        self.chain = base64.b64encode(signed.public_bytes(serialization.Encoding.DER)).decode()

    def token(self, scope: str) -> str:
        """Return a token for a scope such as `repository:a/b:pull,push`."""
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec, utils

        kind, name, actions = scope.split(":", 2)
        now = int(time.time())
        access = [{"type": kind, "name": name, "actions": actions.split(",")}]
        claims = {"iss": "tests", "sub": USER, "aud": "tests", "exp": now + 300, "nbf": now - 10, "iat": now,
                  "jti": "1", "access": access}  # fmt: skip
        text = ".".join(_url(json.dumps(part).encode()) for part in (
            {"typ": "JWT", "alg": "ES256", "x5c": [self.chain]}, claims))  # fmt: skip
        r, s = utils.decode_dss_signature(self.key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{text}.{_url(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def _url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _tokens(signer: _Signer) -> type[BaseHTTPRequestHandler]:
    expected = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()

    class Handler(_Quiet):
        def do_GET(self) -> None:
            scope = parse_qs(urlsplit(self.path).query)["scope"][0]
            self.server.seen.append(scope)
            if self.headers.get("Authorization") != expected:
                self.answer(401, b"{}")
            else:
                self.answer(200, json.dumps({"token": signer.token(scope)}).encode())

    return Handler


@contextmanager
def with_referrers() -> Iterator[tuple[str, list[str]]]:
    """A registry with the referrers API of the distribution spec 1.1, in memory; and the tags that were written."""
    with _served(_distribution()) as registry:
        yield registry


def _distribution() -> type[BaseHTTPRequestHandler]:
    blobs: dict[str, bytes] = {}
    manifests: dict[str, tuple[bytes, str]] = {}

    class Handler(_Quiet):
        def do_HEAD(self) -> None:
            self.answer(200 if self.path.rpartition("/")[2] in blobs else 404)

        def do_GET(self) -> None:
            kind, _, key = self.path.partition("/v2/a/b/")[2].partition("/")
            if self.path == "/v2/":
                self.answer(200)
            elif kind == "referrers":
                rows = [(name, data) for name, (data, _) in manifests.items() if name.startswith("sha256:")]
                descriptors = [
                    self.row(*row) for row in rows if json.loads(row[1]).get("subject", {}).get("digest") == key
                ]
                index = "application/vnd.oci.image.index.v1+json"
                body = {"schemaVersion": 2, "mediaType": index, "manifests": descriptors}
                self.answer(200, json.dumps(body).encode(), {"Content-Type": index})
            elif kind == "manifests" and key in manifests:
                self.answer(200, manifests[key][0], {"Content-Type": manifests[key][1]})
            else:
                self.answer(200 if key in blobs else 404, blobs.get(key, b""))

        def row(self, digest: str, data: bytes) -> dict[str, Any]:
            manifest = json.loads(data)
            return {"mediaType": manifest["mediaType"], "digest": digest, "size": len(data),
                    "artifactType": manifest["artifactType"]}  # fmt: skip

        def do_POST(self) -> None:
            self.answer(202, headers={"Location": "/v2/a/b/blobs/uploads/1?state=x"})

        def do_PUT(self) -> None:
            data = self.rfile.read(int(self.headers["Content-Length"]))
            digest = "sha256:" + hashlib.sha256(data).hexdigest()
            if "/manifests/" not in self.path:
                blobs[parse_qs(urlsplit(self.path).query)["digest"][0]] = data
                self.answer(201)
                return
            self.server.seen.append(self.path.rpartition("/")[2])
            manifests[digest] = manifests[self.path.rpartition("/")[2]] = (data, self.headers["Content-Type"])
            subject = json.loads(data).get("subject")
            self.answer(201, headers={"OCI-Subject": subject["digest"]} if subject else {})

    return Handler


@contextmanager
def forgetful() -> Iterator[str]:
    """Yield a registry in memory whose tags stand for something else as soon as they are written."""

    class Handler(_distribution()):  # type: ignore[misc]  # a class that is made
        def do_GET(self) -> None:
            if "/manifests/" in self.path and "sha256:" not in self.path:
                self.answer(200, b'{"schemaVersion": 2}')
            else:
                super().do_GET()

    with _served(Handler) as (address, _):
        yield address


class _Quiet(BaseHTTPRequestHandler):
    """No log, and answers in one line."""

    protocol_version = "HTTP/1.1"

    def answer(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        pass


@contextmanager
def _served(handler: type[BaseHTTPRequestHandler]) -> Iterator[tuple[str, list[str]]]:
    """Yield a server on a port of its own; what its handler notes in `server.seen`."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.seen = []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}", server.seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
