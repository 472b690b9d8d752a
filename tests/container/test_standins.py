"""The bases that container tests start from are like `python:X.Y-slim`; nothing here is of Ovenbird."""

from __future__ import annotations

import json

import pytest
from tests.engine import AVAILABLE, Images, skopeo
from tests.podman import Podman

LOOK = """
import ctypes, glob, importlib.metadata, json, os, shutil, sqlite3, ssl, sys, sysconfig, zlib, bz2, lzma, readline
print(json.dumps({
    "version": sys.version.split()[0],
    "told": os.environ["PYTHON_VERSION"],
    "programs": [shutil.which(name) for name in ("python", "python3", "python3.%d" % sys.version_info[1], "pip")],
    "managed": glob.glob("/usr/**/EXTERNALLY-MANAGED", recursive=True),
    "certificates": len(ssl.create_default_context().get_ca_certs()),
    "scripts": sysconfig.get_path("scripts"),
    "purelib": sysconfig.get_path("purelib"),
    "path": sys.path,
    "libc": ctypes.CDLL(None).gnu_get_libc_version is not None,
    "packages": [each.metadata["Name"] for each in importlib.metadata.distributions()],
    "host": [name for name in ("/etc/hostname.orig", "/root/.pyenv") if os.path.exists(name)],
}))
"""


@pytest.mark.parametrize("version", AVAILABLE)
def test_a_stand_in_is_a_python_slim(version: str, standins: Images, podman: Podman) -> None:
    """It has its Python and pip where the real one has them, whole, and lets pip install into it.

    `pip` runs under that Python; nothing that this machine has installed has come along.
    """
    shell = 'python3 -c "$1" && pip --version'
    process = podman.run(standins[version], "sh", "-c", shell, "sh", LOOK, flags=("--network=none",))
    assert process.returncode == 0, process.stderr
    look, version_line = process.stdout.splitlines()
    assert f"(python {version})" in version_line
    facts = json.loads(look)
    assert set(facts["packages"]) <= {"pip", "setuptools", "wheel"}
    assert facts["version"].startswith(version + ".")
    assert facts["told"] == facts["version"]
    assert facts["programs"] == [f"/usr/local/bin/{name}" for name in ("python", "python3", f"python{version}", "pip")]
    assert facts["managed"] == []
    assert facts["certificates"] > 50
    assert facts["scripts"] == "/usr/local/bin"
    assert facts["purelib"].startswith("/usr/local/lib/python")
    assert facts["purelib"] in facts["path"]
    assert facts["libc"]
    assert facts["host"] == []


def test_a_version_is_configured_as_the_real_image(standins: Images) -> None:
    """The image has no entry point, starts Python, and is one of OCI."""
    config = json.loads(skopeo("inspect", "--config", f"docker://{standins[AVAILABLE[0]]}"))
    assert config["config"]["Cmd"] == ["python3"]
    assert "Entrypoint" not in config["config"]
    assert config["config"]["Env"][0].startswith("PATH=/usr/local/bin:")


def test_a_container_serves_on_a_published_port(standins: Images, podman: Podman) -> None:
    """A service in a container is reachable, can be entered, logs, and ends with its own status."""
    source = (
        "import signal, sys; from http.server import *; signal.signal(15, lambda *_: sys.exit(7));"
        "HTTPServer(('', 8080), SimpleHTTPRequestHandler).serve_forever()"
    )
    container = podman.start(standins[AVAILABLE[-1]], "python3", "-c", source).wait_ready("/etc/os-release")
    assert "Debian" in container.get("/etc/os-release").text
    assert container.exec("cat", "/proc/1/comm").stdout == "python3\n"
    container.wait_log("GET /etc/os-release")
    assert container.stop() == 7
    assert container.state["Status"] == "exited"
