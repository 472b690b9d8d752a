"""The gate of the source: what it refuses in each form of a source, what `--allow` lets pass, and what it keeps."""

from __future__ import annotations

import argparse
import base64
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.gitserver import git

from ovenbird.errors import OvenbirdError
from ovenbird.function_document import FunctionSpec
from ovenbird_builder.cache.layer_cache import LayerCache
from ovenbird_builder.commands import options
from ovenbird_builder.errors import BuildRequestError, ImagePolicyError
from ovenbird_builder.host.network import NetworkSettings
from ovenbird_builder.sources import SourceTree, fetch, secret_gate
from ovenbird_builder.sources.allowed_files import is_allowed, parse_allow
from ovenbird_builder.sources.secret_search import SecretFinding

TOKEN = "ghp" + "_" + "a1B2" * 9
MAIN = f"def fn(): ...\n\n\nTOKEN = '{TOKEN}'\n"


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[LayerCache]:
    layer_cache = LayerCache(tmp_path / "cache")
    yield layer_cache
    layer_cache.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A source with a token in its code and a file of variables."""
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "main.py").write_text(MAIN)
    (folder / ".env").write_text("A=1\n")
    return folder


def fetch_source(tmp_path: Path, source: str, code: str | None = None) -> SourceTree:
    function = FunctionSpec(tmp_path, "f", "fn", source=source, code=code)
    return fetch(function, tmp_path / "tree", environ={**os.environ, "HOME": str(tmp_path)}, network=NetworkSettings())


def make_refusal(findings: tuple[SecretFinding, ...], *allow: str) -> OvenbirdError:
    with pytest.raises(ImagePolicyError) as caught:
        secret_gate.check_source(findings, allow)
    assert TOKEN not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("form", ["folder", "zip", "git"])
def test_each_form_of_a_source_is_searched(tmp_path: Path, folder: Path, cache: LayerCache, form: str) -> None:
    """A folder, a zip and a commit alike; all that was found is named, and no value."""
    source = str(folder)
    if form == "zip":
        source = str(tmp_path / "app.zip")
        with zipfile.ZipFile(source, "w") as archive:
            for path in folder.iterdir():
                archive.write(path, path.name)
    if form == "git":
        git(folder, "init", "-q", "-b", "main")
        git(folder, "add", "-A", "-f")
        git(folder, "commit", "-q", "-m", "a")
        source = f"git+file://{folder}"
    tree = fetch_source(tmp_path, source)
    error = make_refusal(secret_gate.find_secrets(tree, FunctionSpec(tmp_path, "f", "fn"), None, cache))
    assert "\n  .env: a file of variables\n  main.py:4: GitHub token" in error.message
    assert ".ovenbirdignore" in error.hint
    assert "--allow .env" in error.hint
    assert error.exit_code == 54


def test_inline_code_and_the_document_are_searched(tmp_path: Path, cache: LayerCache) -> None:
    """The code is named by its file in the image, the document by its own name and line."""
    document = tmp_path / "function.yaml"
    document.write_text(f"kind: python\nname: f\nspec:\n  envs: [{{name: A, value: {TOKEN}}}]\n")
    raw = {"spec": {"source": {"base64": base64.b64encode(MAIN.encode()).decode()}, "envs": [{"value": TOKEN}]}}
    inline = fetch_source(tmp_path, "", code=MAIN)
    function = FunctionSpec(tmp_path, "f", "fn", code=MAIN, raw=raw)
    findings = secret_gate.find_secrets(inline, function, document, cache)
    assert [str(finding) for finding in findings] == ["function.yaml: GitHub token", "main.py:4: GitHub token"]
    findings = secret_gate.find_secrets(inline, FunctionSpec(tmp_path, "f", "fn", raw=raw), document, cache)
    assert [str(finding) for finding in findings] == ["function.yaml:4: GitHub token", "main.py:4: GitHub token"]


def test_findings_are_cached_by_the_digest_of_the_tree(
    tmp_path: Path, folder: Path, cache: LayerCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unchanged source is not searched again, and the cache holds no value."""
    tree, function = fetch_source(tmp_path, str(folder)), FunctionSpec(tmp_path, "f", "fn")
    before = secret_gate.find_secrets(tree, function, None, cache)
    monkeypatch.setattr(secret_gate, "search_tree", None)  # a second search would fail
    assert secret_gate.find_secrets(tree, function, None, cache) == before
    assert all(TOKEN not in path.read_text() for path in cache.keys.iterdir())


def test_a_clean_source_passes(tmp_path: Path, folder: Path, cache: LayerCache) -> None:
    """A template of the variables, a certificate, code that speaks of tokens."""
    (folder / ".env").rename(folder / ".env.example")
    (folder / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----\n")
    (folder / "main.py").write_text("import os\ndef fn(): return os.environ['GITHUB_TOKEN']\n")
    findings = secret_gate.find_secrets(
        fetch_source(tmp_path, str(folder)), FunctionSpec(tmp_path, "f", "fn"), None, cache
    )
    assert findings == ()
    secret_gate.check_source(findings, ())


def test_an_allowed_file_passes_and_is_recorded() -> None:
    """Others are refused as before; a pattern that matches nothing is reported."""
    findings = (SecretFinding("a b/key.pem", 1, "private key"), SecretFinding("main.py", 4, "GitHub token"))
    assert "key.pem" not in make_refusal(findings, "a b/key.pem").message
    assert "--allow 'a b/key.pem'" in make_refusal(findings).hint
    secret_gate.check_source(findings, ("a b", "*.py"))
    assert secret_gate.list_allowed(findings, ("*.py",)) == [{"path": "main.py", "line": 4, "what": "GitHub token"}]
    assert secret_gate.list_unused(findings, ("*.py", "a b")) == []
    (warning,) = secret_gate.list_unused(findings, ("*.py", "tests/**"))
    assert warning == "`--allow 'tests/**'` lets nothing pass: no file there looks like a secret"


def test_an_unmatched_allow_is_reported_with_the_refusal(caplog: pytest.LogCaptureFixture) -> None:
    """Otherwise the user would look for the fault in the file."""
    with caplog.at_level("WARNING", "ovenbird.source"):
        make_refusal((SecretFinding("server.key", 0, "a private key"),), "sever.key")
    assert caplog.messages == ["`--allow sever.key` lets nothing pass: no file there looks like a secret"]


def test_ignored_files_stay_out_even_if_allowed(tmp_path: Path, folder: Path, cache: LayerCache) -> None:
    """`--allow` only permits files that are selected: no folder is entered for it."""
    (folder / ".ssh").mkdir()
    (folder / ".ssh" / "id_rsa").write_text("x")
    (folder / ".gitignore").write_text(".ssh/\n.env\n")
    tree = fetch_source(tmp_path, str(folder))
    findings = secret_gate.find_secrets(tree, FunctionSpec(tmp_path, "f", "fn"), None, cache)
    secret_gate.check_source(findings, ("*", "**"))
    assert [row["path"] for row in secret_gate.list_allowed(findings, ("*", "**"))] == ["main.py"]
    assert sorted(row.name for row in tree.rows) == [".gitignore", "main.py"]


def test_the_variable_is_split_at_lines_and_commas() -> None:
    """As its help says; a value that may have a comma is split at lines only."""
    parser = argparse.ArgumentParser()
    options.add(parser, "build")
    environ = {"OVENBIRD_ALLOW": "a.pem, tests/**\nb.pem,", "OVENBIRD_REQUIREMENT": "six>1,<2\nattrs"}
    flags = options.read_flags(parser.parse_args([]), environ)
    assert flags["allow"] == ("a.pem", "tests/**", "b.pem")
    assert flags["requirement"] == ("six>1,<2", "attrs")
    words = " ".join(parser.format_help().split())
    assert "repeat [OVENBIRD_ALLOW, one per line or with commas]" in words
    assert "repeat for more [OVENBIRD_REQUIREMENT, one per line]" in words


def test_many_findings_are_cut_and_names_cannot_forge_lines() -> None:
    """Twenty are shown, and how many more there are; a line break in a name is escaped."""
    findings = tuple(SecretFinding(f"{number:02}\n.env", 0, "a file of variables") for number in range(25))
    message = make_refusal(findings).message
    assert message.count("a file of variables") == 20
    assert "and 5 more" in message
    assert "00\\n.env" in message


@pytest.mark.parametrize(
    ("pattern", "path", "passes"),
    [
        ("main.py", "main.py", True),
        ("main.py", "sub/main.py", False),
        ("tests", "tests/a/key.pem", True),
        ("tests/", "tests/a/key.pem", True),
        ("tests", "tests.py", False),
        ("*.pem", "key.pem", True),
        ("*.pem", "tests/key.pem", False),
        ("**/*.pem", "tests/a/key.pem", True),
        ("**/*.pem", "key.pem", True),
        ("tests/**", "tests/a/key.pem", True),
        ("tests/*/key.pem", "tests/a/b/key.pem", False),
        ("[x].py", "[x].py", True),
        ("!main.py", "main.py", False),
        ("*", "key.pem", True),
        ("*", ".env", False),
        ("*", ".ssh/id_rsa", False),
        ("*", "tests/key.pem", False),
        ("**", "tests/key.pem", True),
        ("**", "tests/.aws/credentials", False),
        ("**/*", ".ssh/id_rsa", False),
        (".env*", ".env.local", True),
        (".ssh/*", ".ssh/id_rsa", True),
        (".ssh", ".ssh/keys/id_rsa", True),
        ("tests/**", "tests", False),
        ("te*/", "tests/a/key.pem", True),
        ("a/**/b/*.pem", "a/b/x.pem", True),
        ("a/**/b/*.pem", "a/1/2/b/x.pem", True),
        ("a/**/b/*.pem", "a/1/2/x.pem", False),
        ("**/**/**/**", "a/b/c/d", True),
    ],
)
def test_a_pattern_is_relative_to_the_source_root(pattern: str, path: str, passes: bool) -> None:
    """A path names one file or a folder; a star stays within one folder, two do not; neither is for a hidden name."""
    assert is_allowed(path, (pattern,)) is passes


def test_the_document_and_the_flags_both_allow() -> None:
    """Both count, each once; `./` is no part of a path."""
    function = FunctionSpec(Path(), "f", "fn", raw={"spec": {"source": {"allow": ["tests/**", "a.py"]}}})
    assert parse_allow(("./a.py", "b"), function) == ("a.py", "b", "tests/**")
    assert parse_allow((), FunctionSpec(Path(), "f", "fn")) == ()


@pytest.mark.parametrize("pattern", ["", " ", "/etc/passwd", "../x", "a/../../x", "a\nb"])
def test_a_pattern_out_of_the_source_is_refused(pattern: str) -> None:
    """It can never match, and would look like a protection."""
    with pytest.raises(BuildRequestError, match="--allow: expected a path"):
        parse_allow((pattern,), FunctionSpec(Path(), "f", "fn"))


def test_a_field_of_another_kind_is_refused() -> None:
    """Each entry is a text."""
    function = FunctionSpec(Path(), "f", "fn", raw={"spec": {"source": {"allow": [1]}}})
    with pytest.raises(BuildRequestError, match=r"spec\.source\.allow: expected a list of paths, found \[1\]"):
        parse_allow((), function)
