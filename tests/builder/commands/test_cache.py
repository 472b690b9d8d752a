"""`ovenbird cache`: what scripts read on stdout."""

from __future__ import annotations

import json
import os
import pwd
import subprocess
from pathlib import Path

import pytest
from tests import starts
from tests.storage import write_storage_config

from ovenbird_builder.cache.folder import find_cache
from ovenbird_builder.cache.layer_cache import LayerCache
from ovenbird_builder.layers.source import make_files_layer


def run_cache(*words: str, code: int = 0, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run the verb; without an `env` no engine is found, so no store is touched."""
    env = {**os.environ, **({"PATH": "/nonexistent"} if env is None else env)}
    process = starts.run("cache", *words, env=env)
    assert process.returncode == code, process.stderr
    return process


def test_list_info_and_prune(tmp_path: Path) -> None:
    """A layer is listed by `ls`, counted by `info`, and removed by `prune`."""
    cache = LayerCache(tmp_path)
    layer = make_files_layer({"/a": b"a"}, cache, name="numpy 2.1.0")
    cache.close()
    row = run_cache("--cache-dir", str(tmp_path), "ls").stdout.rstrip("\n").split("\t")
    assert row[:3] == ["key", layer.digest[7:19], str(layer.size)]
    assert row[4] == "numpy 2.1.0"
    document = json.loads(run_cache("--cache-dir", str(tmp_path), "info").stdout)
    assert (document["root"], document["blobs"], document["size"]) == (str(tmp_path), 1, layer.size)
    assert json.loads(run_cache("--cache-dir", str(tmp_path), "prune", "--older-than", "1d").stdout)["blobs"] == 0
    assert (
        json.loads(run_cache("--cache-dir", str(tmp_path), "prune", "--max-size", "0M").stdout)["freed"] == layer.size
    )
    assert not run_cache("--cache-dir", str(tmp_path), "ls").stdout


def test_a_folder_of_other_files_is_left_alone(tmp_path: Path) -> None:
    """Nothing of it is listed or pruned, and nothing is written there; an empty volume may become a cache."""
    ours = tmp_path / "wheels" / "files" / "mine.whl"
    ours.parent.mkdir(parents=True)
    ours.touch()
    for words in (("info",), ("ls",), ("prune", "--max-size", "0M")):
        process = run_cache(*words, "--cache-dir", str(tmp_path), code=20)
        assert f"--cache-dir: '{tmp_path}' is a folder with other files, and no cache" in process.stderr
    assert [path.name for path in tmp_path.rglob("*")] == ["wheels", "files", "mine.whl"]
    volume = tmp_path / "volume"
    (volume / "lost+found").mkdir(parents=True)
    assert json.loads(run_cache("info", "--cache-dir", str(volume)).stdout)["total"] == 0


def test_the_folder_is_named_before_or_after_the_action(tmp_path: Path) -> None:
    """The one behind the action counts."""
    a, b = str(tmp_path / "a"), str(tmp_path / "b")
    assert json.loads(run_cache("info", "--cache-dir", a).stdout)["root"] == a
    assert json.loads(run_cache("--cache-dir", a, "info").stdout)["root"] == a
    assert json.loads(run_cache("--cache-dir", a, "info", "--cache-dir", b).stdout)["root"] == b


@pytest.mark.parametrize("words", [("--older-than", "soon"), ("--max-size", "20X"), ("--older-than", "-1d")])
def test_an_amount_that_does_not_parse_is_an_error(tmp_path: Path, words: tuple[str, str]) -> None:
    """It is named, with an example, and nothing is removed."""
    process = run_cache("--cache-dir", str(tmp_path), "prune", "=".join(words), code=20)
    assert repr(words[1]) in process.stderr
    assert "for example" in process.stderr


def test_the_folder_is_resolved_in_order() -> None:
    """The flag wins over OVENBIRD_CACHE_DIR, that over XDG_CACHE_HOME."""
    environ = {"OVENBIRD_CACHE_DIR": "/b", "XDG_CACHE_HOME": "/c"}
    assert find_cache("/a", environ) == Path("/a")
    assert find_cache("", environ) == Path("/b")
    assert find_cache("", {"XDG_CACHE_HOME": "/c"}) == Path("/c/ovenbird")
    assert find_cache("", {"HOME": "/home/ann"}) == Path("/home/ann/.cache/ovenbird")
    assert find_cache("", {"XDG_CACHE_HOME": "c", "HOME": "/h"}) == Path("/h/.cache/ovenbird"), "relative: ignored"
    assert find_cache("~/c", {"HOME": "/home/ann"}) == Path("/home/ann/c")
    assert find_cache("", {"OVENBIRD_CACHE_DIR": "~/c", "HOME": "/home/ann"}) == Path("/home/ann/c")
    assert find_cache("c", {}) == Path.cwd() / "c"
    user = Path(pwd.getpwuid(os.getuid()).pw_dir)
    assert find_cache("", {}) == find_cache("", {"HOME": "relative"}) == user / ".cache" / "ovenbird"


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["build", "bundle", "lock", "cache", "base", "rebase"])
def test_every_verb_has_the_same_rule(tmp_path: Path, verb: str) -> None:
    """`~` in a variable and a path that is not a folder are handled alike, before anything starts."""
    (tmp_path / "file").touch()
    words = {
        "cache": ("info",),
        "base": ("build", "3.12"),
        "rebase": ("x:1", "--base=y:1"),
        "bundle": ("--out=b.tar",),
    }.get(verb, ())
    (tmp_path / "function.yaml").write_text("kind: python\nname: f\nspec: {source: {source: ., handler: 'main:f'}}\n")
    env = {"PATH": str(tmp_path), "HOME": str(tmp_path), "OVENBIRD_CACHE_DIR": "~/file"}
    process = starts.run(verb, *words, cwd=tmp_path, env=env)
    assert process.returncode == 20, process.stderr
    assert f"OVENBIRD_CACHE_DIR: '{tmp_path}/file' is not a folder" in process.stderr


def run_buildah(env: dict[str, str], *words: str) -> str:
    """Run buildah on the test's own store; what it prints."""
    process = subprocess.run(
        ["buildah", *words], env={**os.environ, **env}, capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr
    return process.stdout.strip()


@pytest.mark.slow
def test_images_that_have_lost_their_name_are_removed(tmp_path: Path) -> None:
    """Untagged images of functions are removed; tagged images and those of others stay."""
    folder = tmp_path / "conf"
    folder.mkdir()
    env = write_storage_config(folder, tmp_path / "store")
    container = run_buildah(env, "from", "scratch")
    run_buildah(env, "config", "--annotation", "n=0", container)
    run_buildah(env, "commit", container, "theirs:1")
    for number in range(1, 5):
        if number == 3:
            run_buildah(env, "config", "--label", "dev.ovenbird.source.digest=sha256:x", container)
        run_buildah(env, "config", "--annotation", f"n={number}", container)
        run_buildah(env, "commit", container, "theirs:1" if number < 3 else "ours:1")
    run_buildah(env, "rm", container)
    ids = run_buildah(env, "images", "--all", "--quiet", "--no-trunc").split()
    assert len(ids) == 5
    results = []
    for words in (["--dry-run"], [], []):
        process = run_cache("--cache-dir", str(tmp_path / "cache"), "prune", *words, env=env)
        results.append(json.loads(process.stdout))
    assert [len(result["images"]) for result in results] == [1, 1, 0]
    assert results[0]["images"] == results[1]["images"]
    assert [result["dry_run"] for result in results] == [True, False, False]
    images = run_buildah(env, "images", "--all", "--quiet", "--no-trunc").split()
    assert len(images) == 4
    assert not any(results[1]["images"][0] in name for name in images)
