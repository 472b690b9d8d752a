"""A certificate authority made on the spot, and a server's certificate of its."""

from __future__ import annotations

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Certificates:
    """Files in PEM form: the authority's certificate, and certificate and key of a server at 127.0.0.1."""

    authority: Path
    certificate: Path
    key: Path


def issue_certificates(folder: Path) -> Certificates:
    """Write an authority and a certificate for 127.0.0.1 to a folder."""
    server = ["-subj", "/CN=127.0.0.1", "-CA", "ca.pem", "-CAkey", "ca.key"]
    server += ["-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"]
    for name, more in (("ca", ["-subj", "/CN=authority"]), ("server", server)):
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *more]
        command += ["-keyout", f"{name}.key", "-out", f"{name}.pem"]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return Certificates(folder / "ca.pem", folder / "server.pem", folder / "server.key")


def make_tls_context(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """Return the TLS context of a server at 127.0.0.1, made in `folder`, and its authority's certificate."""
    authority = issue_certificates(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.certificate, authority.key)
    return context, authority.authority
