"""`ovenbird lock` as a person calls it: in a process of its own, with a real index and a real base."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from tests import starts
from tests.engine import skopeo
from tests.orchard import PASSWORD, Bench, Orchard
from tests.walled import GATE_PASSWORD, GATE_WRITTEN, Gate, Walled

Call = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def call_lock(bench: Bench, orchard: Orchard, tmp_path: Path) -> Call:
    """`call("--check", NAME="value")` in a folder with a function document."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "main.py").write_text("def handler():\n    return 1\n")
    (tmp_path / "src" / "requirements.txt").write_text("apple>=1\n")
    (tmp_path / "function.yaml").write_text(
        "kind: python\nname: f\nspec:\n  python_version: PYTHON3_11\n"
        f"  base_image: {bench.image}\n  source: {{source: src, handler: 'main:handler'}}\n"
    )

    def run(*flags: str, **environ: str) -> subprocess.CompletedProcess[str]:
        env = os.environ | {
            "OVENBIRD_CACHE_DIR": str(bench.cache), "OVENBIRD_INDEX_URL": orchard.url.replace("://", "://${WHO}:${WORD}@"),
            "WHO": "gardener", "WORD": "Plum%26Pear%2377", "OVENBIRD_LOG_FORMAT": "text",
        } | environ  # fmt: skip
        return starts.run("lock", *flags, cwd=tmp_path, env=env, timeout=None)

    return run


def test_a_lock_is_written_checked_and_upgraded(call_lock: Call, tmp_path: Path) -> None:
    """The path is on stdout, words are on stderr; a changed requirement makes it stale, a new lock mends that.

    A damaged one is replaced, with a note.
    """
    (tmp_path / "function.lock").write_text("<<<<<<< HEAD\napple==1.0\n")
    damaged = call_lock("--check")
    assert (damaged.returncode, "line 1: the marker of a merge conflict" in damaged.stderr) == (40, True)
    process = call_lock()
    assert "note: function.lock is damaged and is written anew, with no pin kept: " in process.stderr
    assert process.returncode == 0, process.stderr
    assert process.stdout == f"{tmp_path / 'function.lock'}\n"
    assert "needs: requirements.txt" in process.stderr
    assert "> lock what 1 requirements need, by pip-tools\n  2 pins, " in process.stderr
    assert "+ apple 2.0" in process.stderr
    text = (tmp_path / "function.lock").read_text()
    assert "apple==2.0" in text
    assert PASSWORD not in text + process.stderr
    assert call_lock("--check").returncode == 0
    (tmp_path / "src" / "requirements.txt").write_text("apple==1.0\n")
    stale = call_lock("--check")
    assert stale.returncode == 45
    assert "apple==1.0 was added" in stale.stderr
    assert "hint: `ovenbird lock`" in stale.stderr
    assert (tmp_path / "function.lock").read_text() == text
    process = call_lock("--requirement", "banana<2")
    assert process.returncode == 0, process.stderr
    assert "~ apple 2.0 -> 1.0" in process.stderr
    assert "banana==1.0" in (tmp_path / "function.lock").read_text()


def test_a_base_may_be_named_with_its_transport(call_lock: Call, bench: Bench, tmp_path: Path) -> None:
    """As for a build: in a folder, a file, or the store. The lock is that of the same base by its plain name."""
    layout, archive = f"oci:{tmp_path / 'base'}", f"oci-archive:{tmp_path / 'base.tar'}"
    for target in (layout, archive):
        skopeo("copy", f"containers-storage:{bench.image}", target)
    assert call_lock().returncode == 0
    text = (tmp_path / "function.lock").read_text()
    for base in (layout, archive, f"containers-storage:{bench.image}"):
        (tmp_path / "function.lock").unlink()
        process = call_lock("--base", base)
        assert process.returncode == 0, process.stderr
        assert (tmp_path / "function.lock").read_text() == text
    absent = call_lock("--base", "docker://127.0.0.1:1/none:1")
    assert absent.returncode == 63, absent.stderr
    assert "cannot get the image 'docker://127.0.0.1:1/none:1'" in absent.stderr


def test_a_failed_lock_leaves_the_old_lock(call_lock: Call, tmp_path: Path) -> None:
    """The error has its status and message; the existing lock is unchanged, and no partial file remains."""
    (tmp_path / "function.lock").write_text("banana==1.0 --hash=sha256:" + "0" * 64 + "\n")
    before = sorted(tmp_path.iterdir())
    (tmp_path / "src" / "requirements.txt").write_text("durian\n")
    process = call_lock()
    assert process.returncode == 42
    assert process.stdout == ""
    assert "the index has no 'durian' (asked for in requirements.txt line 1)" in process.stderr
    assert (tmp_path / "function.lock").read_text().startswith("banana==1.0")
    assert sorted(tmp_path.iterdir()) == before


def test_another_platform_has_a_lock_of_its_own(call_lock: Call, tmp_path: Path) -> None:
    """`--platform linux/arm64` writes a second file next to the lock for amd64."""
    (tmp_path / "src" / "requirements.txt").write_text("native\n")
    (tmp_path / "function.linux-arm64.lock").mkdir()
    process = call_lock("--platform", "linux/arm64")
    assert (process.returncode, "function.linux-arm64.lock is a folder" in process.stderr) == (40, True), process.stderr
    (tmp_path / "function.linux-arm64.lock").rmdir()
    process = call_lock("--platform", "linux/arm64")
    assert process.returncode == 0, process.stderr
    assert process.stdout == f"{tmp_path / 'function.linux-arm64.lock'}\n"
    assert "# platform: linux/arm64" in (tmp_path / "function.linux-arm64.lock").read_text()


@pytest.mark.parametrize(
    ("flags", "status", "words"),
    [
        (("--check",), 45, "there is no function.lock"),
        (("--index-url", "pypi.org"), 20, "--index-url: expected `https://HOST/PATH`"),
        (
            ("--index-url", "https://pypi.org:99999/simple"),
            20,
            "--index-url: no index can be at 'https://pypi.org:99999",
        ),
        (("--index-url", "https://${NO_SUCH_NAME}@h/simple"), 46, "`NO_SUCH_NAME`, which is not set"),
        (("--requirement=--pre",), 40, "expected a requirement"),
        (("--requirements", "missing.txt"), 40, "cannot read the requirements"),
        (("--python", "2.7"), 20, "--python"),
        (("--base", "localhost/ovenbird:3.11"), 61, "`ovenbird base build 3.11` makes it"),
        (("--locker", "conda"), 70, "invalid choice"),
    ],
)
def test_impossible_requests_are_refused(call_lock: Call, flags: tuple[str, ...], status: int, words: str) -> None:
    """Each with the status of its phase."""
    process = call_lock(*flags)
    assert (process.returncode, words in process.stderr) == (status, True), process.stderr


def test_a_site_with_walls_is_locked_in(call_lock: Call, walled: Walled, gate: Gate, tmp_path: Path) -> None:
    """`--ca-bundle` and the proxy of the environment suffice; no output shows a password."""
    flags = ("--index-url", walled.url.replace("://", "://${WHO}:${WORD}@"), "--cache-dir", str(tmp_path / "cache"))
    refused = call_lock(*flags)
    assert refused.returncode == 46
    assert "--ca-bundle FILE" in refused.stderr
    before = gate.count_passed(walled.host)
    process = call_lock(*flags, "--ca-bundle", str(walled.authority), HTTPS_PROXY=gate.url)
    assert process.returncode == 0, process.stderr
    assert gate.count_passed(walled.host) > before
    text = (tmp_path / "function.lock").read_text()
    assert "apple==2.0" in text
    for word in (PASSWORD, GATE_PASSWORD, GATE_WRITTEN, gate.address):
        assert word not in text + process.stdout + process.stderr + refused.stderr, word


def test_an_error_in_json_has_its_code(call_lock: Call, tmp_path: Path) -> None:
    """A CI can read the code."""
    (tmp_path / "src" / "requirements.txt").write_text("starlette==0.20\n")
    process = call_lock(OVENBIRD_LOG_FORMAT="json")
    record = json.loads(process.stderr.splitlines()[-1])
    assert (record["code"], record["exit_code"]) == ("build.lock.conflict", 41)
