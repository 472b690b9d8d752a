"""TLS for a test's server: a certificate for 127.0.0.1, by an authority of the test's own."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path


def secured(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """The context of a server, made in `folder`, and the certificate of its authority."""
    for name, more in (("ca", ["-subj", "/CN=authority"]), ("server", ["-subj", "/CN=127.0.0.1"])):
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *more]
        if name == "server":
            command += ["-CA", "ca.pem", "-CAkey", "ca.key", "-addext", "subjectAltName=IP:127.0.0.1"]
            command += ["-addext", "basicConstraints=critical,CA:FALSE"]
        command += ["-keyout", f"{name}.key", "-out", f"{name}.pem"]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    return context, folder / "ca.pem"
