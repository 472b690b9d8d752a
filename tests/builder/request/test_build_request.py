"""Targets, flags and variables become one BuildRequest, with all problems reported at once."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ovenbird.errors import DocumentError
from ovenbird_builder.commands import options
from ovenbird_builder.errors import BuildRequestError, InstructionError, ReferenceFormatError
from ovenbird_builder.request.build_request import BuildRequest, detect_platform, parse_request
from ovenbird_builder.request.destination import Destination

DOCUMENT = """
name: Shop_App
kind: python
spec:
  python_version: PYTHON3_11
  base_image: example.com/base:1
  source: {source: main.py, handler: run}
  requirements: [six]
  instructions: [echo a]
"""
Ask = Callable[..., BuildRequest]


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """The request of a command line, in a folder that holds a function."""
    (tmp_path / "function.yaml").write_text(DOCUMENT)
    (tmp_path / "main.py").write_text("def run(): ...\n")
    (tmp_path / "app.zip").write_bytes(b"PK\x05\x06" + bytes(18))
    (tmp_path / "notes.txt").write_text("a")
    (tmp_path / "train.ipynb").write_text("{}")
    monkeypatch.chdir(tmp_path)

    def made(*argv: str, **environ: str) -> BuildRequest:
        parser = argparse.ArgumentParser()
        options.add(parser, "build")
        return parse_request(options.read_flags(parser.parse_args(argv), environ), {"HOME": str(tmp_path), **environ})

    return made


def test_a_document_supplies_what_flags_leave_out(ask: Ask) -> None:
    """The current folder is the default; the image is called as the function, and goes to the store."""
    request = ask()
    assert [str(tag) for tag in request.tags] == ["shop-app:latest"]
    assert (request.python, request.base, request.outputs) == ("3.11", "example.com/base:1", (Destination("store"),))
    assert [instruction.run for instruction in request.instructions] == ["echo a"]
    assert (request.platforms, request.compression, request.locker, request.timeout) == (
        (detect_platform(),),
        "zstd",
        "pip-tools",
        3600,
    )
    assert (request.pushes, request.epoch) == (False, None)
    assert request.cache.name == "ovenbird"


def test_unknown_fields_of_the_document_are_notes(ask: Ask, tmp_path: Path) -> None:
    """They come into the result's warnings; `--strict` and its variable refuse them."""
    (tmp_path / "function.yaml").write_text(DOCUMENT.replace("base_image", "base-image"))
    warning = "spec.base-image: not a field that is read; did you mean 'base_image'?"
    assert ask().notes == (f"function document: {warning}",)
    for words, environ in ((["--strict"], {}), ([], {"OVENBIRD_STRICT": "1"})):
        with pytest.raises(DocumentError) as caught:
            ask(*words, **environ)
        assert caught.value.problems == (warning,)


def test_labels_and_allowed_paths_are_flags_and_variables(ask: Ask) -> None:
    """Each may be repeated; a variable has one per line; all problems are reported at once."""
    request = ask(
        "--label", "team=data", "--label", "a=b=c", "--allow", "./tests/key.pem", OVENBIRD_ANNOTATION="x=1\ny=2"
    )
    assert (request.labels, request.annotations) == ({"team": "data", "a": "b=c"}, {"x": "1", "y": "2"})
    assert request.allow == ("tests/key.pem",)
    with pytest.raises(BuildRequestError, match=r"(?s)--allow.*'/etc'.*--label.*'team'"):
        ask("--label", "team", "--allow", "/etc")


def test_slim_images_keep_all_files_of_named_packages(ask: Ask) -> None:
    """Names are normalised, in a variable by commas; without `--slim` they mean nothing."""
    request = ask("--slim", OVENBIRD_SLIM_KEEP="Torch, scikit_learn,torch")
    assert (request.slim, request.slim_keep) == (True, ("scikit-learn", "torch"))
    assert (ask().slim, ask().slim_keep) == (False, ())
    for name in ("", "-", "a b", "torch==2", "../torch", "t\n", "x" * 101):
        with pytest.raises(BuildRequestError, match=r"--slim-keep: expected the name of a package"):
            ask("--slim", "--slim-keep", name)
    with pytest.raises(BuildRequestError, match="`--slim-keep` needs `--slim`"):
        ask("--slim-keep", "torch")


def test_outputs_and_credentials_are_products_of_the_build(ask: Ask, tmp_path: Path) -> None:
    """Each flag and variable that names a file of the build's own; neither the store nor stdout is a file."""
    request = ask(
        "--result-file", "result.json", "--cache-dir", "cache", "--authfile", "auth.json", "--output", "oci:image",
        "--output", "store", OVENBIRD_CREDS_FILE="creds",
    )  # fmt: skip
    assert set(request.products) == {
        tmp_path / name for name in ("result.json", "cache", "auth.json", "image", "creds")
    }
    assert ask("--result-file", "-").products == ()


def test_flags_win_over_the_document_and_the_document_over_variables(ask: Ask) -> None:
    """Each flag is also a variable; what may be repeated holds one per line."""
    request = ask(
        ".", "--python", "3.12", "--base", "b", "--tag", "r.example.com/a:1", "--push", "--instruction", "echo b",
        OVENBIRD_PYTHON="3.13", OVENBIRD_REQUIREMENT="a\nb>1\n", OVENBIRD_BUILD_TIMEOUT="90s", SOURCE_DATE_EPOCH="7",
    )  # fmt: skip
    assert (request.python, request.base, request.requirement, request.timeout, request.epoch) == (
        "3.12",
        "b",
        ("a", "b>1"),
        90,
        7,
    )
    assert [instruction.run for instruction in request.instructions] == ["echo a", "echo b"]
    assert request.outputs == (Destination("registry"),)
    assert ask(OVENBIRD_PUSH="yes", OVENBIRD_BUILD_TAG="r.example.com/a:1").pushes
    assert not ask("--no-push", OVENBIRD_PUSH="yes", OVENBIRD_BUILD_TAG="r.example.com/a:1").pushes


def test_a_platform_that_is_named_twice_is_no_index(ask: Ask) -> None:
    """Nor is one with a comma behind it: the image goes to the store, as that of one platform."""
    for text in (f"{detect_platform()},", f"{detect_platform()}, {detect_platform()}"):
        request = ask("--platform", text)
        assert (request.platforms, request.outputs) == ((detect_platform(),), (Destination("store"),))


def test_variables_of_their_former_names_are_read_with_a_note(ask: Ask) -> None:
    """Former names collide with settings of the runtime: the new name wins, and runtime values are ignored."""
    former = {"OVENBIRD_TAG": "r.example.com/a:1", "OVENBIRD_PLATFORM": "linux/arm64", "OVENBIRD_TIMEOUT": "90s"}
    plain = ask("main.py:run", **former)  # without the document, whose instruction no other platform runs
    assert (str(plain.tags[0]), plain.platforms, plain.timeout) == ("r.example.com/a:1", ("linux/arm64",), 90)
    assert plain.notes == tuple(
        f"`OVENBIRD_{name}` is still read for a build; call it `OVENBIRD_BUILD_{name}`"
        for name in ("TAG", "PLATFORM", "TIMEOUT")
    )
    new = {
        "OVENBIRD_BUILD_TAG": "b:2", "OVENBIRD_BUILD_PLATFORM": "linux/amd64", "OVENBIRD_BUILD_TIMEOUT": "2m",
    }  # fmt: skip
    request = ask("main.py:run", **former, **new)
    assert (str(request.tags[0]), request.platforms, request.timeout, request.notes) == (
        "b:2",
        ("linux/amd64",),
        120,
        (),
    )
    of_runtime = ask(OVENBIRD_TAG='{"by": "me"}', OVENBIRD_PLATFORM="core")
    assert (str(of_runtime.tags[0]), of_runtime.platforms, of_runtime.notes) == (
        "shop-app:latest",
        (detect_platform(),),
        (),
    )


def test_plain_code_needs_no_document(ask: Ask, tmp_path: Path) -> None:
    """A file or a module is a function of its folder, called as that is."""
    (tmp_path / "main.py").write_text("def run(): ...\n")
    request = ask("main.py:run")
    assert (request.function.handler, request.function.source, request.document) == ("main:run", ".", None)
    assert request.function.root == tmp_path.resolve()
    assert ask("main.py").function.handler == "main:handler"
    assert ask("pkg.mod:fn", "--source", str(tmp_path)).function.handler == "pkg.mod:fn"


@pytest.mark.parametrize(
    ("argv", "kind", "why"),
    [
        (["none.py"], BuildRequestError, "no file 'none.py'"),
        (
            ["git+https://u:p@h/r"],
            BuildRequestError,
            "'git+https://h/r' is a URL, not a target",
        ),
        (["nothing"], BuildRequestError, "'nothing' is not a target: no such file or folder"),
        (["app.zip"], BuildRequestError, "'app.zip' is not a target: it is a zip archive"),
        (["notes.txt"], BuildRequestError, "'notes.txt' is not a target: it is a text file"),
        (["train.ipynb"], BuildRequestError, "'train.ipynb' is not a target: it is a notebook"),
        (["train.ipynb:train"], BuildRequestError, "'train.ipynb:train' is not a target: it is a notebook"),
        (["main.py:a b"], BuildRequestError, "'a b' is not the name of an attribute"),
        (["--tag", "Bad"], ReferenceFormatError, "'Bad' is not the name of an image"),
        (["--python", "2.7"], BuildRequestError, "--python: expected one of 3.10"),
        (["--push"], BuildRequestError, "no name to push to"),
        (["--push", "--tag", "app"], BuildRequestError, "'app' has no registry"),
        (["--push", "--tag", "example.com/a@sha256:" + "0" * 64], BuildRequestError, "has a digest"),
        (["--instruction", "a\nb"], InstructionError, "--instruction[0]"),
        (["--secret", "x"], BuildRequestError, "--secret: expected `NAME=ENV|FILE`"),
        (["--locker", "conda"], BuildRequestError, "--locker: expected one of pip-tools, uv"),
        (["--platform", "windows/amd64"], BuildRequestError, "--platform: expected one of"),
        (["--platform", "linux/amd64,linux/arm64"], BuildRequestError, "needs `--push` or `--output oci:DIR`"),
        (
            ["--platform", "linux/amd64,linux/arm64", "--output", "store"],
            BuildRequestError,
            "several platforms make an index",
        ),
        (["--output", "somewhere"], BuildRequestError, "--output: expected `store`"),
        (["--output", "oci:main.py/dir"], BuildRequestError, "--output: cannot write 'main.py/dir': "),
        (["--output", "oci:main.py"], BuildRequestError, "'main.py' is a file, and an OCI layout is a folder"),
        (["--output", "oci-archive:main.py"], BuildRequestError, "'main.py' is a file that the function is made of"),
        (["--output", "docker-archive:."], BuildRequestError, "--output: '.' is a folder"),
        (["--output", "oci-archive:a:b"], BuildRequestError, "a path with a colon"),
        (["--compression", "xz"], BuildRequestError, "--compression: expected one of zstd, gzip"),
        (["--timeout", "soon"], BuildRequestError, "--timeout: expected a duration"),
        (["--requirements", "none.txt"], BuildRequestError, "--requirements: no file 'none.txt'"),
        (["--write-back"], BuildRequestError, "`--write-back` needs `--push`"),
        (
            ["main.py", "--write-back", "--push", "--tag", "e.com/a"],
            BuildRequestError,
            "the target is not a function document",
        ),
        (["--offline", "--push", "--tag", "e.com/a"], BuildRequestError, "`--offline` and `--push`"),
        (["--ca-bundle", "main.py"], BuildRequestError, "holds no certificate"),
        (["--cache-dir", "main.py"], BuildRequestError, "--cache-dir: "),
    ],
)
def test_a_single_problem_has_the_status_of_its_kind(
    ask: Ask, argv: list[str], kind: type[BuildRequestError], why: str
) -> None:
    """A single problem is reported alone, with the exit status of its kind."""
    with pytest.raises(kind) as caught:
        ask(*argv)
    assert why in caught.value.message
    assert 20 <= caught.value.exit_code < 30


def test_all_problems_are_reported_at_once(ask: Ask) -> None:
    """People mend all of them before they try again."""
    with pytest.raises(BuildRequestError) as caught:
        ask("--tag", "Bad", "--timeout", "soon", "--locker", "conda", OVENBIRD_COMPRESSION="xz")
    assert len(caught.value.message.splitlines()) == 5
    assert all(word in caught.value.message for word in ("Bad", "soon", "conda", "xz"))


@pytest.mark.parametrize(
    ("name", "value"),
    [("SOURCE_DATE_EPOCH", "yesterday"), ("SOURCE_DATE_EPOCH", "253402300800"), ("OVENBIRD_PUSH", "perhaps")],
)
def test_a_variable_that_does_not_parse_is_an_error(ask: Ask, name: str, value: str) -> None:
    """Never silently the default."""
    with pytest.raises(BuildRequestError, match=name):
        ask(**{name: value})


def test_the_last_second_of_the_year_9999_is_an_epoch(ask: Ask) -> None:
    """It is the last one that can be written as a date of an image."""
    assert ask(SOURCE_DATE_EPOCH="253402300799").epoch == 253402300799


def test_a_foreign_platform_cannot_run_instructions(ask: Ask) -> None:
    """Instructions need a machine of the architecture."""
    other: Any = "linux/arm64" if detect_platform() == "linux/amd64" else "linux/amd64"
    with pytest.raises(BuildRequestError, match="an instruction cannot run on this machine"):
        ask("--platform", other)


@pytest.mark.parametrize("tag", ["Not A Tag", "[::1:5000/app:1", "app:", "x@sha256:12"])
def test_a_tag_that_does_not_parse_has_one_reason(ask: Ask, tag: str) -> None:
    """No reason mentions another name; the same holds for a push without a tag."""
    for words in (("--tag", tag, "--push"), ("--push",)):
        with pytest.raises(BuildRequestError) as caught:
            ask(*words)
        assert "\n" not in str(caught.value)
        assert (repr(tag) if tag in words else "no name to push to") in str(caught.value)
