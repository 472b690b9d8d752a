"""Where a cache may be: never in the folder of the code, since a cache is left out of a source."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ovenbird_builder.cache.folder import check_apart, find_cache
from ovenbird_builder.errors import BuildRequestError


@pytest.mark.parametrize("mark", [".git", "function.yaml", "pyproject.toml", "main.py"])
def test_a_project_is_no_cache(tmp_path: Path, mark: str) -> None:
    """For every verb: `ovenbird base build --cache-dir .` has no function to compare with."""
    (tmp_path / mark).mkdir()
    with pytest.raises(BuildRequestError, match=f"holds {mark}, so it is a project") as caught:
        find_cache(str(tmp_path), {})
    assert caught.value.hint == f"a folder of its own: `--cache-dir {tmp_path}/.ovenbird-cache`"
    assert find_cache(str(tmp_path / ".ovenbird-cache"), {}) == tmp_path / ".ovenbird-cache"


def test_a_colon_in_its_path_is_refused(tmp_path: Path) -> None:
    """Engines cannot be told of an image there; it ended in an error of theirs about another path."""
    for flag, environ in (("a:b", {}), ("", {"HOME": f"{tmp_path}:x"})):
        with pytest.raises(BuildRequestError, match=r"holds a colon") as caught:
            find_cache(flag, environ)
        assert "--cache-dir DIR" in caught.value.hint


def test_a_cache_lies_apart_from_the_function(tmp_path: Path) -> None:
    """It may be inside the source but not equal or contain it; links are resolved; a bundle's draft is in it."""
    (tmp_path / "home" / "app").mkdir(parents=True)
    (tmp_path / "link").symlink_to("home")
    app = tmp_path / "link" / "app"
    for cache, words in ((app, "is the folder"), (tmp_path / "home", "contains the folder"), (Path("/"), "contains")):
        with pytest.raises(BuildRequestError, match=words):
            check_apart(cache, (app,))
    check_apart(app / ".ovenbird-cache", (app,))
    check_apart(tmp_path / "ap", (app,))
    check_apart(tmp_path, (tmp_path / "tmp" / "build-1" / "source",))


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["build", "bundle", "lock"])
@pytest.mark.parametrize("cache_dir", [".", ".."], ids=["itself", "above"])
def test_each_verb_refuses_before_it_writes(tmp_path: Path, verb: str, cache_dir: str) -> None:
    """The source is as it was: no CACHEDIR.TAG, and no .gitignore that ignores all."""
    app = tmp_path / "above" / "app"
    app.mkdir(parents=True)
    (app / "main.py").write_text("def handler(): ...\n")
    out = ("--out", "x.bundle") if verb == "bundle" else ()
    command = [sys.executable, "-m", "ovenbird", verb, "main.py", "--cache-dir", cache_dir, *out]
    process = subprocess.run(command, cwd=app, capture_output=True, text=True, check=False, timeout=120)
    assert (process.returncode, "a cache is marked as such" in process.stderr) == (20, True), process.stderr
    assert [path.name for path in (tmp_path / "above").rglob("*")] == ["app", "main.py"]
