"""`ovenbird cache`: what scripts read on stdout."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ovenbird_builder.commands.cache import cache_dir
from ovenbird_builder.layers.cache import Cache
from ovenbird_builder.layers.source import files_layer


def run(*words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "ovenbird", "cache", *words], check=False, capture_output=True, text=True
    )
    assert done.returncode == code, done.stderr
    return done


def test_list_tell_and_prune(tmp_path: Path) -> None:
    """A layer shows in `ls`, counts in `info`, and is gone after `prune`."""
    cache = Cache(tmp_path)
    layer = files_layer({"/a": b"a"}, cache, name="numpy 2.1.0")
    cache.close()
    row = run("--cache-dir", str(tmp_path), "ls").stdout.rstrip("\n").split("\t")
    assert row[:3] == ["key", layer.digest[7:19], str(layer.size)]
    assert row[4] == "numpy 2.1.0"
    told = json.loads(run("--cache-dir", str(tmp_path), "info").stdout)
    assert (told["root"], told["blobs"], told["size"]) == (str(tmp_path), 1, layer.size)
    assert json.loads(run("--cache-dir", str(tmp_path), "prune", "--older-than", "1d").stdout)["blobs"] == 0
    assert json.loads(run("--cache-dir", str(tmp_path), "prune", "--max-size", "0M").stdout)["freed"] == layer.size
    assert not run("--cache-dir", str(tmp_path), "ls").stdout


@pytest.mark.parametrize("words", [("--older-than", "soon"), ("--max-size", "20X"), ("--older-than", "-1d")])
def test_an_amount_that_does_not_parse_is_an_error(tmp_path: Path, words: tuple[str, str]) -> None:
    """It is named, with an example, and nothing is removed."""
    done = run("--cache-dir", str(tmp_path), "prune", "=".join(words), code=20)
    assert repr(words[1]) in done.stderr
    assert "for example" in done.stderr


def test_the_folder_is_found_in_order() -> None:
    """The flag wins over OVENBIRD_CACHE_DIR, that over XDG_CACHE_HOME."""
    environ = {"OVENBIRD_CACHE_DIR": "/b", "XDG_CACHE_HOME": "/c"}
    assert cache_dir("/a", environ) == Path("/a")
    assert cache_dir("", environ) == Path("/b")
    assert cache_dir("", {"XDG_CACHE_HOME": "/c"}) == Path("/c/ovenbird")
    assert cache_dir("", {}) == Path.home() / ".cache" / "ovenbird"
