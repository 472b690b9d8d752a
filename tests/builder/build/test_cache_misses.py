"""Which files make a source another one, and which are not packed, in words for people."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from ovenbird.common.redact import make_redactor
from ovenbird_builder.build.cache_misses import explain, explain_files, explain_left_out, remember_files
from ovenbird_builder.build.plan import ImagePlan, LayerStep
from ovenbird_builder.sources.tree_digest import list_rows


def write(folder: Path, **files: str) -> Path:
    """Python files by their names."""
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    return folder


def test_files_are_listed_as_added_changed_or_removed(tmp_path: Path) -> None:
    """Added, changed (by content, mode, or as a link) and removed; an empty folder counts."""
    before = remember_files(list_rows(write(tmp_path, a="1", b="2", c="3", d="4", e="5")))
    assert explain_files(list_rows(tmp_path), before) == ""
    write(tmp_path, a="changed", new="6")
    (tmp_path / "b.py").chmod(0o755)
    (tmp_path / "c.py").unlink()
    (tmp_path / "d.py").unlink()
    (tmp_path / "d.py").symlink_to("e.py")
    (tmp_path / "logs").mkdir()
    assert explain_files(list_rows(tmp_path), before) == (
        "added: 'logs', 'new.py'; changed: 'a.py', 'b.py', 'd.py'; removed: 'c.py'"
    )
    assert explain_files(list_rows(tmp_path), {}) == ""


def test_many_files_are_counted(tmp_path: Path) -> None:
    """A line stays one that can be read."""
    before = remember_files(list_rows(write(tmp_path, a="1")))
    write(tmp_path, **{f"f{number:02}": "x" for number in range(14)})
    assert explain_files(list_rows(tmp_path), before).endswith("'f08.py', 'f09.py' and 4 more")
    assert len(explain_left_out({f"{number}.log": "'*.log', line 1 of .gitignore" for number in range(90)})[0]) < 200


def test_excluded_files_are_listed_by_reason() -> None:
    """One line for each."""
    left_out = {"b.log": "'*.log', line 1 of .gitignore", "node_modules/": "'node_modules/', default", "a.log": ""}
    left_out["a.log"] = left_out["b.log"]
    assert explain_left_out(left_out) == (
        "left out ('*.log', line 1 of .gitignore): 'a.log', 'b.log'",
        "left out ('node_modules/', default): 'node_modules/'",
    )


def test_the_files_behind_stdout_and_stderr_are_found(tmp_path: Path) -> None:
    """If stdout is a file, as in `ovenbird build > result.json`, that file counts; a pipe does not."""
    program = "from ovenbird_builder.sources.build_products import list_streams; print(list_streams())"
    with (tmp_path / "result.json").open("w") as file:
        subprocess.run([sys.executable, "-c", program], stdout=file, stderr=subprocess.PIPE, check=True)
    assert (tmp_path / "result.json").read_text().count(str(tmp_path / "result.json")) == 1
    process = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert process.stdout == "()\n"


def test_a_secret_is_hidden_before_a_text_is_cut() -> None:
    """Otherwise its first letters would remain in the name of a layer or in the list of changes."""
    secret = "s3cret-of-mine"
    command = "x" * 50 + secret
    before = [{"kind": "instruction", "name": "y" * 50 + secret, "key": "k", "parts": {"command": "y" * 50 + secret,
               "base": "b"}}]  # fmt: skip
    step = LayerStep("instruction", command, "other", {"command": command, "base": "b"})
    plan = ImagePlan(None, (step,))  # type: ignore[arg-type]  # the base plays no part
    (row,) = explain(plan, before, hide=make_redactor((secret,)))
    assert str(row) == (f"instruction '{'x' * 50}***': made again: command was {'y' * 50}***, is {'x' * 50}***")
