"""An error names the origin of the wrong value: a variable or a flag."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from tests import starts

VALUES = {
    "LOCKER": "x", "BUILD_TAG": "A", "TAG": "A", "PYTHON": "2", "BUILD_PLATFORM": "x", "BUILD_TIMEOUT": "x",
    "REQUIREMENTS": "x", "CONSTRAINTS": "x", "OUTPUT": "x", "PUSH": "perhaps", "COMPRESSION": "x",
    "CACHE_DIR": "main.py", "CA_BUNDLE": "x", "ALLOW_HOST": "a/b", "ALLOW": "../x", "LABEL": "x", "ANNOTATION": "x",
    "SECRET": "x", "INSTRUCTION": "{x", "BASE": "{x", "SOURCE": "nowhere", "TARGET": "nowhere",
}  # fmt: skip
OF_LOCK = {"CACHE_DIR": "main.py", "CA_BUNDLE": "x", "ALLOW_HOST": "a/b", "REGISTRY": "{x", "INDEX_URL": "x",
           "EXTRA_INDEX_URL": "x", "PYTHON": "2", "BASE": "{x", "SOURCE": "nowhere", "LOCKER": "x"}  # fmt: skip


def read_error(folder: Path, *words: str, **variables: str) -> str:
    """Return the error that a call ends with."""
    (folder / "main.py").write_text("def handler(): ...\n")
    env = {key: value for key, value in os.environ.items() if not key.startswith(("OVENBIRD_", "SSL_", "PIP_"))}
    env |= {"OVENBIRD_LOG_FORMAT": "json", "XDG_CACHE_HOME": str(folder / "cache"), **variables}
    process = starts.run(*words, cwd=folder, env=env)
    assert (process.returncode, process.stdout) == (20, "") or process.returncode in (22, 23), process.stderr
    (record,) = [json.loads(line) for line in process.stderr.splitlines() if line.startswith("{")]
    return str(record["message"])


def flag_name(name: str) -> str:
    """`--cache-dir` of `CACHE_DIR`."""
    return "--" + name.removeprefix("BUILD_").lower().replace("_", "-")


@pytest.mark.parametrize("name", VALUES)
def test_a_variable_of_a_build(tmp_path: Path, name: str) -> None:
    """The message begins with the variable and does not contain the unused flag."""
    target = () if name == "TARGET" else ("main.py",)
    text = read_error(tmp_path, "build", *target, "--offline", **{f"OVENBIRD_{name}": VALUES[name]})
    assert text.startswith(f"OVENBIRD_{name}")
    assert flag_name(name) not in text


@pytest.mark.parametrize("name", OF_LOCK)
def test_a_variable_of_a_lock(tmp_path: Path, name: str) -> None:
    """Those that it reads."""
    text = read_error(tmp_path, "lock", "main.py", **{f"OVENBIRD_{name}": OF_LOCK[name]})
    assert text.startswith(f"OVENBIRD_{name}: ")


def test_a_lock_reads_what_a_build_reads(tmp_path: Path) -> None:
    """A lock that was made beside these variables is one for the build beside them; a flag wins."""
    (tmp_path / "main.py").write_text("def handler(): ...\n")
    (tmp_path / "more.txt").write_text("pear\n")
    env = {key: value for key, value in os.environ.items() if not key.startswith("OVENBIRD_")}
    env |= {"XDG_CACHE_HOME": str(tmp_path / "cache"), "OVENBIRD_REQUIREMENT": "apple\nplum", "OVENBIRD_BASE": "x:1",
            "OVENBIRD_REQUIREMENTS": "more.txt"}  # fmt: skip
    process = starts.run("lock", "main.py", "--check", cwd=tmp_path, env=env)
    assert "needs: more.txt and --requirement" in process.stderr.splitlines()
    assert process.returncode == 45, "there is no lock; the base of the variable was not asked, as no engine is needed"
    process = starts.run("lock", "main.py", "--check", "--requirements", "none", cwd=tmp_path, env=env)
    assert (process.returncode, "'none'" in process.stderr) == (40, True), process.stderr


@pytest.mark.slow
def test_a_value_is_named_by_its_origin(tmp_path: Path) -> None:
    """A flag wins over its variable and is named; a value of the document is named by its field."""
    text = read_error(tmp_path, "build", "main.py", "--locker", "y", OVENBIRD_LOCKER="x")
    assert text == "--locker: expected one of pip-tools, uv, found 'y'"
    document = "kind: python\nname: f\nspec:\n  base_image: A\n  source: {source: main.py, handler: handler}\n"
    (tmp_path / "function.yaml").write_text(document)
    for verb in ("build", "lock"):
        assert read_error(tmp_path, verb).startswith("spec.base_image: 'A' is not the name of an image")
        text = read_error(tmp_path, verb, "--base", "B")
        assert text.startswith("--base: 'B' is not the name of an image")


def test_only_the_flag_itself_is_renamed(tmp_path: Path) -> None:
    """`--push` of the variable, and not the one that is missing; a flag whose name begins alike stays."""
    assert read_error(tmp_path, "build", "main.py", OVENBIRD_PUSH="1") == "OVENBIRD_PUSH: no name to push to"
    text = read_error(tmp_path, "build", "main.py", OVENBIRD_WRITE_BACK="true", OVENBIRD_TAG="r.example/x:1")
    assert "`OVENBIRD_WRITE_BACK` needs `--push`: " in text
    text = read_error(tmp_path, "build", "main.py", "--allow-host", "a/b", OVENBIRD_ALLOW="x")
    assert text == "--allow-host: 'a/b' is not the name of a host"


def test_the_hint_for_another_platform_has_its_flag(tmp_path: Path) -> None:
    """The hint of `--check --platform` is the command that writes what is missing."""
    (tmp_path / "main.py").write_text("def handler(): ...\n")
    env = {key: value for key, value in os.environ.items() if not key.startswith("OVENBIRD_")}
    env |= {"OVENBIRD_LOG_FORMAT": "json", "XDG_CACHE_HOME": str(tmp_path / "cache")}
    for platform in ("linux/amd64", "linux/arm64"):
        process = starts.run("lock", "main.py", "--check", "--platform", platform, cwd=tmp_path, env=env)
        record = json.loads(process.stderr.splitlines()[-1])
        architecture = "aarch64" if platform.endswith("arm64") else "x86_64"
        flags = "" if os.uname().machine == architecture else f" --platform {platform}"
        assert (process.returncode, record["hint"]) == (45, f"`ovenbird lock main.py{flags}`")
        assert f"in '{tmp_path}'" in record["message"]
