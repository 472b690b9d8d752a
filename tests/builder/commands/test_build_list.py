"""`ovenbird build --list`: what would be packed, without base, lock or store."""

from __future__ import annotations

from pathlib import Path

from tests.builds import Builds
from tests.terminal import run_on_terminal

from ovenbird_builder.sources.tree_digest import hash_tree


def write_function(folder: Path) -> Builds:
    """Return a function with a file that is packed, one that is not, and one that looks like a secret."""
    builds = Builds(folder)
    builds.write(main__py="def handler(): ...\n", a__log="x", data__bin="x" * 3000, server__key="x")
    builds.write(__ovenbirdignore="*.log\n")
    builds.write(function__yaml="kind: python\nname: app\nspec: {source: {source: main.py, handler: handler}}\n")
    return builds


def test_the_list_is_json_in_a_pipe(tmp_path: Path) -> None:
    """Files with sizes and their sum, what is left out and why; nothing is needed to make it."""
    builds = write_function(tmp_path)
    (builds.source / "logs").mkdir()
    document = builds.ok("--list", PATH="/nonexistent")
    assert document["files"] == [
        {"path": ".ovenbirdignore", "size": 6}, {"path": "data.bin", "size": 3000}, {"path": "logs/", "size": 0},
        {"path": "main.py", "size": 19}, {"path": "server.key", "size": 1},
    ]  # fmt: skip
    assert document["size"] == 3026
    assert document["left_out"] == [
        {"path": "a.log", "reason": "'*.log', line 1 of .ovenbirdignore"},
        {"path": "function.yaml", "reason": "the function document, which has a place of its own"},
    ]
    (builds.source / "a.log").unlink()
    (builds.source / "function.yaml").rename(tmp_path / "function.yaml")
    assert document["source"]["digest"] == hash_tree(builds.source)


def test_the_list_is_a_table_on_a_terminal(tmp_path: Path) -> None:
    """For people, in units that they read."""
    builds = write_function(tmp_path)
    output = run_on_terminal(builds.command("build", "--list"), builds.environ(), builds.source)
    assert output.code == 0, output.errors
    lines = [line.split() for line in output.text.splitlines()]
    assert ["2.9", "KiB", "data.bin"] in lines
    assert lines[-1][-3:] == ["in", "4", "files"]
