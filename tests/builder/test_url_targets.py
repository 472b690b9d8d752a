"""A URL is no target, and its password is nowhere: not in a message, not in a result, not after a misspelt flag."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from tests import starts

SECRET = "Hunter2Pass"
URLS = [
    f"git+https://u:{SECRET}@host.invalid/x.git",
    f"https://u:{SECRET}@host.invalid/x.py:fn",
    f"docker://u:{SECRET}",
]


def run_ovenbird(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "OVENBIRD_CACHE_DIR": str(folder / "cache")}
    return starts.run(*words, cwd=folder, env=environ, timeout=60)


@pytest.mark.parametrize("url", URLS, ids=["git", "https", "docker"])
@pytest.mark.parametrize(
    ("verb", "status"),
    [
        ("build", 20), ("bundle", 20), ("lock", 20), ("manifests", 20), ("check", 72), ("invoke", 72), ("run", 72),
        ("serve", 72),
    ],
)  # fmt: skip
def test_a_url_as_a_target(tmp_path: Path, verb: str, status: int, url: str) -> None:
    """It is refused with the place where a URL belongs."""
    more = {"bundle": ("-o", "b.tar"), "manifests": ("--image", "host.invalid/x:1", "--action", "job")}.get(verb, ())
    process = run_ovenbird(verb, url, *more, folder=tmp_path)
    assert process.returncode == status, process.stderr
    assert "spec.source.source" in process.stderr
    assert SECRET not in process.stderr + process.stdout


def test_urls_among_many_targets(tmp_path: Path) -> None:
    """Neither the table nor the result of several builds holds it."""
    process = run_ovenbird("build", *URLS, "--result-file", "result.json", folder=tmp_path)
    assert process.returncode == 20, process.stderr
    assert SECRET not in process.stderr + process.stdout + (tmp_path / "result.json").read_text()


@pytest.mark.parametrize(("verb", "status"), [("build", 20), ("run", 72)])
def test_an_image_as_a_source(tmp_path: Path, verb: str, status: int) -> None:
    """What follows `docker://` may be a user with a password."""
    (tmp_path / "main.py").touch()
    process = run_ovenbird(verb, "main.py", "--source", f"docker://u:{SECRET}", folder=tmp_path)
    assert process.returncode == status
    assert "'docker://***'" in process.stderr
    assert SECRET not in process.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [("build", "--index-ulr", URLS[1]), ("build", f"--extra-index-ulr={URLS[1]}"), ("serve", f"--tokn={SECRET}", "a")],
    ids=["apart", "joined", "token"],
)
def test_the_value_of_a_misspelt_flag(tmp_path: Path, words: tuple[str, ...]) -> None:
    """The flag is named, and its value is not."""
    process = run_ovenbird(*words, folder=tmp_path)
    assert process.returncode == 2 or process.returncode >= 20
    assert words[1].partition("=")[0] in process.stderr
    assert SECRET not in process.stderr + process.stdout
