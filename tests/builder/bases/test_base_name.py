"""Names of bases: their form, and the errors for a local file or folder that is not an image."""

from __future__ import annotations

import io
import json
import os
import tarfile
from pathlib import Path

import pytest
from tests import starts

from ovenbird.errors import OvenbirdError
from ovenbird_builder.bases.base_name import check_form, check_place
from ovenbird_builder.errors import BaseMissingError, IncompatibleBaseError, ReferenceFormatError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a file, a tar, and layouts that hold nothing."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "main.py").write_text("x = 1\n")
    with tarfile.open(tmp_path / "some.tar", "w") as tar:
        tar.addfile(tarfile.TarInfo("main.py"), io.BytesIO())
    for name, text in (("layout", json.dumps({"manifests": []})), ("broken", "x"), ("list", "[]")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "index.json").write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    "name", ["python:3.12-slim", "docker://r.example/x:1", "oci:x", "oci-archive:x.tar:1", "containers-storage:x"]
)
def test_forms_that_a_base_may_have(name: str) -> None:
    """Existence is checked later."""
    check_form(name, "--base")


@pytest.mark.parametrize("name", ["oci:", "oci: ", "dir:", "docker-archive:", "docker://", "docker://A", "Foo", "a b"])
def test_a_name_that_no_image_has(name: str) -> None:
    """The flag, and what was found."""
    with pytest.raises(ReferenceFormatError, match=r"^--base: "):
        check_form(name, "--base")


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("oci:missing", BaseMissingError, "there is no base 'oci:missing': no folder 'missing' in '"),
        ("oci:missing:1", BaseMissingError, "there is no base 'oci:missing:1': no folder 'missing' in '"),
        ("oci-archive:a.tar", BaseMissingError, "there is no base 'oci-archive:a.tar': no file 'a.tar' in '"),
        ("dir:/nowhere/x", BaseMissingError, "there is no base 'dir:/nowhere/x': no folder '/nowhere/x'"),
        ("oci:main.py", IncompatibleBaseError, "'main.py' is not a folder with index.json"),
        ("oci:.", IncompatibleBaseError, "'.' is not a folder with index.json"),
        ("dir:layout", IncompatibleBaseError, "'layout' is not a folder with manifest.json"),
        ("oci-archive:main.py", IncompatibleBaseError, "'main.py' is not a tar archive"),
        ("docker-archive:main.py:x", IncompatibleBaseError, "'main.py' is not a tar archive"),
        ("docker-archive:layout", IncompatibleBaseError, "'layout' is not a tar archive"),
        ("oci:layout:1", BaseMissingError, "there is no base 'oci:layout:1': 'layout' has no image '1'"),
        ("oci:broken:1", IncompatibleBaseError, "its `index.json` cannot be read"),
        ("oci:list:1", IncompatibleBaseError, "its `index.json` cannot be read"),
    ],
)
def test_a_path_that_leads_to_no_image(folder: Path, name: str, error: type[OvenbirdError], message: str) -> None:
    """A missing path is missing (61), an existing path that is not an image is incompatible (62)."""
    with pytest.raises(error) as caught:
        check_place(name)
    assert type(caught.value) is error
    assert message in caught.value.message


@pytest.mark.parametrize("name", ["oci-archive:some.tar", "oci:layout", "python:3.12-slim", "docker://x/y:1"])
def test_a_well_formed_name_is_not_checked_further(folder: Path, name: str) -> None:
    """Nothing is raised for what has the form."""
    check_place(name)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (("build", "--base", "oci:missing"), 61, "no folder 'missing'"),
        (("build", "--base", "oci-archive:main.py"), 62, "'main.py' is not a tar archive"),
        (("build", "--base", "oci-archive:some.tar"), 62, "is not an image that can be read"),
        (("build", "--base", "oci:"), 22, "--base: 'oci:' is not the name of an image"),
        (("lock", "--base", "oci:missing"), 61, "no folder 'missing'"),
        (("lock", "--base", "a b"), 22, "--base: 'a b' is not the name of an image"),
        (("bundle", "-o", "x", "--base", "dir:missing"), 61, "no folder 'missing'"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, tuple) else "",
)
def test_each_verb_reports_it_in_one_line(folder: Path, words: tuple[str, ...], status: int, message: str) -> None:
    """One error without a word of a registry, a retry or a traceback."""
    (folder / "main.py").write_text("def handler(): ...\n")
    env = {key: value for key, value in os.environ.items() if not key.startswith("OVENBIRD_")}
    command = (words[0], "main.py", *words[1:], "--cache-dir", str(folder / "cache"))
    process = starts.run(*command, cwd=folder, env={**env, "OVENBIRD_LOG_FORMAT": "json"})
    (record,) = [json.loads(line) for line in process.stderr.splitlines() if line.startswith("{")]
    assert (process.returncode, process.stdout) == (status, "")
    assert message in record["message"]
    assert "registry" not in record["message"]
    assert "once more" not in process.stderr
