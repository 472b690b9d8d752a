"""The floors of pyproject.toml, the page that explains them, and the locks of the images agree."""

from __future__ import annotations

import json
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.stores import send_reply

try:
    import tomllib
except ImportError:
    import tomli as tomllib

ROOT = Path(__file__).parent.parent
LOCKS = sorted((ROOT / "images" / "locks").glob("*.txt"))
PAGE = (ROOT / "docs" / "dependencies.md").read_text()


def requirements() -> list[Requirement]:
    """Return the requirements of pyproject.toml, extras included."""
    project: Any = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    return [Requirement(text) for part in (project["dependencies"], *extras) for text in part]


def floors() -> dict[str, Version]:
    """Return the lowest version of each package that pyproject.toml allows."""
    floors: dict[str, Version] = {}
    for requirement in requirements():
        (floor,) = (Version(part.version) for part in requirement.specifier if part.operator == ">=")
        name = canonicalize_name(requirement.name)
        assert floors.setdefault(name, floor) == floor, f"{name} has two floors"
    return floors


def explained() -> dict[str, tuple[Version, list[Version]]]:
    """Return each row of the page's table: package -> its floor, and the versions that mend its advisories."""
    rows = re.findall(r"^\| ([a-z0-9-]+) \| ([0-9.]+) \| (.+) \|$", PAGE, re.M)
    return {
        name: (Version(floor), [Version(part) for part in re.findall(r" (\d+(?:\.\d+)+)(?=;| *$)", text)])
        for name, floor, text in rows
    }


def test_the_page_names_the_floors() -> None:
    """Each floor that the page explains is the one of pyproject.toml, and no advisory is mended above it."""
    rows = explained()
    assert {
        "python-multipart",
        "starlette",
        "urllib3",
        "dulwich",
        "gitpython",
        "pip",
        "pyarrow",
        "setuptools",
        "wheel",
    } == set(rows)
    for name, (floor, mended) in rows.items():
        assert floors()[name] == floor
        assert mended, name
        assert max(mended) <= floor, name


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.stem)
def test_no_lock_is_below_a_floor(lock: Path) -> None:
    """Each package that a lock pins is within the range of pyproject.toml, and has digests."""
    ranges = {canonicalize_name(requirement.name): requirement.specifier for requirement in requirements()}
    pins = re.findall(
        r"(?m)^([a-z0-9][a-z0-9.-]*)==([^ \\\n;]+)[^\n]*\\\n +--hash=sha256:[0-9a-f]{64}", lock.read_text()
    )
    assert len(pins) == len(re.findall(r"(?m)^[a-z0-9]", lock.read_text())), "a line has no digest"
    low = [
        f"{name}=={version}"
        for name, version in pins
        if not ranges.get(name, Requirement(name).specifier).contains(version)
    ]
    assert low == []


@contextmanager
def advisories(vulnerable: str) -> Iterator[tuple[str, set[tuple[str, str]]]]:
    """Serve OSV with one advisory of a package; yield its address and the requested packages."""
    packages: set[tuple[str, str]] = set()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

        def do_POST(self) -> None:
            query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            name = query["package"]["name"]
            packages.add((name, query["version"]))
            affected = {"package": {"name": name, "ecosystem": "PyPI"}, "ranges": []}
            advisory = {"id": "TEST-2026-1", "summary": "for a test", "affected": [affected]}
            send_reply(self, json.dumps({"vulns": [advisory]} if name == vulnerable else {}).encode())

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as service:
        thread = threading.Thread(target=service.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{service.server_port}", packages
        finally:
            service.shutdown()
            thread.join()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_an_audit_says_when_an_advisory_is_out() -> None:
    """`make audit` checks each pinned version, names the locks with an advisory, and fails."""
    with advisories("setuptools") as (url, packages):
        arguments = f"ARGS=--vulnerability-service=osv --osv-url={url}"
        process = subprocess.run(
            ["make", "audit", arguments], cwd=ROOT, capture_output=True, text=True, check=False, timeout=240
        )
    assert process.returncode, process.stdout
    reports = dict(re.findall(r"(?m)^\S*?([\w.-]+)\.txt\n((?:(?!\S+\.txt$).*\n)*)", process.stdout))
    assert {name for name, text in reports.items() if "TEST-2026-1" in text} == {"lowest", "builder"}
    assert set(reports) == {"lowest", *(lock.stem for lock in LOCKS)}
    assert {("starlette", "1.3.1"), ("pip", "26.2"), ("urllib3", "2.7.0")} <= packages
    assert {"numpy", "installer", "h11"} <= {name for name, _ in packages}
