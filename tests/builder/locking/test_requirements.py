"""Requirements from every source, each with its location; and the refused forms."""

from __future__ import annotations

from pathlib import Path

import pytest

from ovenbird.function_document import FunctionSpec
from ovenbird_builder.errors import LockError
from ovenbird_builder.locking.requirements import RequirementFlags, Requirements, collect_requirements, digest_content


def make_function(root: Path, **fields: object) -> FunctionSpec:
    return FunctionSpec(root=root, name="f", handler="main:handler", source=".", **fields)


def collect_needs(root: Path, **options: object) -> Requirements:
    return collect_requirements(make_function(root), root, RequirementFlags(**options))


def list_texts(requirements: Requirements) -> list[tuple[str, str]]:
    return [(requirement.text, requirement.where) for requirement in requirements.lines]


def test_the_document_and_files_named_add_up(tmp_path: Path) -> None:
    """`spec.requirements`, `--requirements` and `--requirement` add up; a detected file is reported."""
    (tmp_path / "requirements.txt").write_text("unused\n")
    (tmp_path / "more.txt").write_text("# more\n\nScikit_Learn >= 1.5  # trees\n")
    requirements = collect_requirements(
        make_function(tmp_path, requirements=("pandas[excel] >=2",)), tmp_path,
        RequirementFlags(files=(tmp_path / "more.txt",), requirements=("httpx",)),
    )  # fmt: skip
    assert list_texts(requirements) == [
        ("pandas[excel]>=2", "spec.requirements[0]"),
        ("scikit-learn>=1.5", f"{tmp_path / 'more.txt'} line 3"),
        ("httpx", "--requirement"),
    ]
    assert requirements.used == f"spec.requirements and {tmp_path / 'more.txt'} and --requirement"
    assert "requirements.txt is not used" in requirements.notes[0]


def test_the_source_is_searched_in_order(tmp_path: Path) -> None:
    """pylock.toml before requirements.txt before pyproject.toml before inline metadata; `--requirement` adds."""
    (tmp_path / "main.py").write_text('# /// script\n# dependencies = ["inline"]\n# ///\n')
    assert collect_needs(tmp_path).used == "the inline metadata of main.py"
    assert list_texts(collect_needs(tmp_path)) == [("inline", "inline metadata of main.py, dependencies[0]")]
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "app"\ndependencies = ["declared"]\n')
    assert list_texts(collect_needs(tmp_path)) == [("declared", "pyproject.toml [project].dependencies[0]")]
    (tmp_path / "requirements.txt").write_text("listed\n")
    requirements = collect_needs(tmp_path, requirements=["extra"])
    assert list_texts(requirements) == [("listed", "requirements.txt line 1"), ("extra", "--requirement")]
    assert requirements.used == "requirements.txt and --requirement"
    (tmp_path / "pylock.toml").write_text('lock-version = "1.0"\n')
    assert collect_needs(tmp_path).pylock == tmp_path / "pylock.toml"


def test_a_pyproject_without_project_is_no_declaration(tmp_path: Path) -> None:
    """One that only configures tools is passed over."""
    (tmp_path / "pyproject.toml").write_text("[tool.ruff]\n")
    assert collect_needs(tmp_path) == Requirements(root=tmp_path)


def test_the_folder_of_the_document_is_searched_when_the_source_is_silent(tmp_path: Path) -> None:
    """`source: src` with requirements.txt next to the document."""
    (tmp_path / "src").mkdir()
    (tmp_path / "requirements.txt").write_text("beside\n")
    described = FunctionSpec(root=tmp_path, name="f", handler="main:handler", source="src")
    assert list_texts(collect_requirements(described, tmp_path / "src")) == [("beside", "requirements.txt line 1")]
    (tmp_path / "src" / "requirements.txt").write_text("inside\n")
    assert list_texts(collect_requirements(described, tmp_path / "src")) == [("inside", "requirements.txt line 1")]


def test_inline_code_may_hold_metadata(tmp_path: Path) -> None:
    """The inline metadata of `spec.source.code`."""
    code = '# /// script\n# requires-python = ">=3.11"\n# dependencies = [\n#   "httpx<1",\n# ]\n# ///\nprint(1)\n'
    requirements = collect_requirements(make_function(tmp_path, code=code), tmp_path)
    assert [requirement.text for requirement in requirements.lines] == ["httpx<1"]
    assert requirements.requires_python == ">=3.11"


def test_extras_of_a_project_may_name_each_other(tmp_path: Path) -> None:
    """`all = ["app[web,db]"]` brings what web and db need; an extra that does not exist is named."""
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "App"\ndependencies = ["base"]\nrequires-python = ">=3.10"\n'
        '[project.optional-dependencies]\nweb = ["flask"]\nDB = ["psycopg"]\nall = ["app[web,db]"]\n'
    )
    assert {requirement.text for requirement in collect_needs(tmp_path, extras=("all",)).lines} == {
        "base",
        "flask",
        "psycopg",
    }
    with pytest.raises(LockError, match="no extra 'gui': it has all, db, web"):
        collect_needs(tmp_path, extras=["gui"])
    (tmp_path / "requirements.txt").write_text("listed\n")
    with pytest.raises(LockError, match=r"--extra web: no `pyproject.toml` is in use"):
        collect_needs(tmp_path, extras=["web"])


def test_files_include_files_of_the_source(tmp_path: Path) -> None:
    """`-r` and `-c`, nested, with continued lines; constraints only limit."""
    (tmp_path / "requirements.txt").write_text("-r sub/more.txt\n--constraint=limits.txt\nfirst \\\n  >=1\n--pre\n")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "more.txt").write_text("-c ../limits.txt\nsecond\n")
    (tmp_path / "limits.txt").write_text("second<2\n")
    requirements = collect_needs(tmp_path)
    assert list_texts(requirements) == [("second", "sub/more.txt line 2"), ("first>=1", "requirements.txt line 3")]
    assert requirements.list_limits() == ("second<2",)
    assert requirements.pre
    assert requirements.list_texts() == ("first>=1 --pre", "second --pre")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("-e ./missing", "there is no './missing' in the source"),
        ("-e apple", "`-e` takes a folder or the URL of a repository"),
        ("--editable=../lib", "lies outside of the source"),
        ("--index-url https://evil.example/simple", "may not choose where packages come from"),
        (
            "--extra-index-url=https://evil.example/simple",
            "`--extra-index-url` in a file of the source is not followed",
        ),
        ("-f /tmp", "lies outside of the source"),
        ("--find-links https://evil.example/", "may not choose where packages come from"),
        ("--find-links ./none", "there is no folder './none' in the source"),
        ("--no-index", "may not choose where packages come from"),
        ("--no-binary apple", "a wheel is taken where there is one"),
        ("--only-binary 'a b'", "expected names of packages, `:all:` or `:none:`"),
        ("--only-final apple", "`--only-final` is not supported"),
        ("--all-releases apple", "is followed for `:all:` only"),
        ("--pre apple", "'apple' behind an option is not read"),
        ("--no", "ambiguous option"),
        ("--made-up", "no such option"),
        ("-r", "requires 1 argument"),
        ('-r "base.txt', "No closing quotation"),
        ("--hash=sha256:" + "0" * 64, "`--hash` without a requirement"),
        ("apple --hash=md5:00", "expected `--hash=sha256:HEX`, `sha384` or `sha512`"),
        ("apple --hash=sha512:00", "expected `--hash=sha256:HEX`, `sha384` or `sha512`"),
        ("apple --config-settings=x=y", "`--config-settings` is not passed to a build"),
        ("apple --pre", "found `--pre`"),
        ("-c https://h.example/limits.txt", "is a URL, which is not read"),
        ("-rhttps://h.example/more.txt", "is a URL, which is not read"),
        ("apple==${VERSION}", "the variable `${VERSION}` is not filled in"),
        ("git+https://h/x@${REF}", "the variable `${REF}` is not filled in"),
        ("-r ${NAME}.txt", "the variable `${NAME}` is not filled in"),
        ("-e ${NAME}", "the variable `${NAME}` is not filled in"),
        ("git+https://h/x#egg=x y", "is not a requirement"),
        ("git+https://h/x#egg=-x", "is not the name of a package"),
        ("git+https://h/x#egg=x[y z]", "is not a requirement"),
        ("./tree[*]", "expected names of extras"),
        ("hg+https://h/x", "is not a requirement"),
        ("./lib; nonsense == 1", "is not a marker"),
        ("'apple'", "is not a requirement"),
        ("git@h.example:team/apple.git", "is not a URL"),
        ("h.example:team/apple.git", "is not a requirement"),
        ("apple --index-url https://evil.example/simple", "an option must not be in a requirement"),
        ("apple --global-option=x", "an option must not be in a requirement"),
        ("-r ../outside.txt", "lies outside of the source"),
        ("-r /etc/passwd", "lies outside of the source"),
        ("-r missing.txt", "cannot read the requirements"),
        ("-r requirements.txt", "includes itself"),
        ("../outside", "lies outside of the source"),
        ("/etc", "lies outside of the source"),
        ("file:///etc", "lies outside of the source"),
        ("./missing", "there is no './missing' in the source"),
        ("./link", "lies outside of the source"),
        ("apple=1", "is not a requirement"),
        ("apple >=1 or banana", "is not a requirement"),
        ("apple; nonsense == 1", "is not a requirement"),
        ("apple @ ftp://h/apple.whl", "is not a supported form of requirement"),
        ("git+ext::sh -c whoami", "an option must not be in a requirement"),
        ("git+ext::sh", "is not a requirement"),
        ("x @ git+https://u:secret-word@h/x --y", "an option must not be in a requirement"),
        ("apple @ git+https://u:secret-word@h/x", "a password must not be in a requirement"),
        ("apple @ git+https://h/x@--upload-pack=whoami", "looks like an option"),
    ],
)
def test_refused_lines_are_named(tmp_path: Path, line: str, words: str) -> None:
    """Every error has file and line, and no password."""
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "link").symlink_to("/etc")
    (tmp_path / "tree" / "requirements.txt").write_text(f"# one\n{line}\n")
    with pytest.raises(LockError) as caught:
        collect_needs(tmp_path / "tree")
    assert words in caught.value.message
    if "missing.txt" not in line and "itself" not in words:
        assert caught.value.message.startswith("requirements.txt line 2")
    assert "secret-word" not in str(caught.value)


def test_a_configured_index_may_be_repeated_in_the_file(tmp_path: Path) -> None:
    """A file may repeat the index of the command line."""
    (tmp_path / "requirements.txt").write_text("--index-url https://own.example/simple/\napple\n")
    assert list_texts(collect_needs(tmp_path, indexes=("https://own.example/simple",))) == [
        ("apple", "requirements.txt line 2")
    ]


@pytest.mark.parametrize("text", ["apple\n--index-url x", "apple\r-e .", "-r x", "--index-url=x", "apple\0"])
def test_a_requirement_holds_no_option_and_no_second_line(tmp_path: Path, text: str) -> None:
    """Neither a flag nor a document may add options by a requirement."""
    with pytest.raises(LockError, match="--requirement"):
        collect_needs(tmp_path, requirements=[text])
    with pytest.raises(LockError, match=r"spec.requirements\[0\]"):
        collect_requirements(make_function(tmp_path, requirements=(text,)), tmp_path)


def test_git_urls_keep_their_ref_and_folder(tmp_path: Path) -> None:
    """A bare URL takes its name from `egg`, one with a name from that."""
    requirements = collect_needs(tmp_path, requirements=[
        "git+https://h.example/plum@v1#egg=Plum&subdirectory=lib", "pear[x] @ git+ssh://git@h.example/pear",
    ])  # fmt: skip
    assert [(requirement.name, requirement.origin) for requirement in requirements.lines] == [
        ("plum", "git+https://h.example/plum@v1#subdirectory=lib"),
        ("pear", "git+ssh://git@h.example/pear"),
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[project\n", "not valid TOML"),
        ('[project]\ndynamic = ["dependencies"]\n', "dependencies are dynamic"),
        ('[project]\ndependencies = "x"\n', "Expected `array`, got `str`"),
        ('[project]\nrequires-python = "three"\n', "`requires-python` is not a set of versions"),
    ],
)
def test_a_malformed_pyproject_is_reported(tmp_path: Path, text: str, words: str) -> None:
    """With what is wrong in it."""
    (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(LockError, match=words):
        collect_needs(tmp_path)


def test_two_blocks_of_metadata_are_refused(tmp_path: Path) -> None:
    """As PEP 723 requires."""
    block = "# /// script\n# dependencies = []\n# ///\n"
    (tmp_path / "main.py").write_text(f"{block}\n{block}")
    with pytest.raises(LockError, match="two blocks"):
        collect_needs(tmp_path)


def test_content_counts_and_times_do_not(tmp_path: Path) -> None:
    """The digest of a local folder follows names and content."""
    (tmp_path / "a").write_text("1")
    first = digest_content(tmp_path)
    (tmp_path / "a").touch()
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "a.pyc").write_text("x")
    assert digest_content(tmp_path) == first
    (tmp_path / "a").write_text("2")
    assert digest_content(tmp_path) != first


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf# /// script\n# dependencies = ['kiwi']\n# ///\n",
        b"#!/usr/bin/env python\n# -*- coding: latin-1 -*-\n# /// script\n# dependencies = ['kiwi'] # \xe9\n# ///\n",
        b"# vim: set fileencoding=cp1252 :\n# /// script\n# dependencies = ['kiwi']\n# ///\nx = '\x80'\n",
        b"\xef\xbb\xbf# coding: utf-8\r\n# /// script\r\n# dependencies = ['kiwi']\r\n# ///\r\n",
    ],
    ids=["byte order mark", "latin-1", "cp1252", "both, with CRLF"],
)
def test_inline_metadata_in_the_encoding_of_its_file(tmp_path: Path, content: bytes) -> None:
    """As Python itself reads the file: a byte order mark, or a coding line in one of the first two lines."""
    (tmp_path / "main.py").write_bytes(content)
    assert list_texts(collect_needs(tmp_path)) == [("kiwi", "inline metadata of main.py, dependencies[0]")]


@pytest.mark.parametrize("line", ["rot13", "hex", "undefined", "none", "utf-16", "mbcs", "idna"])
def test_an_unknown_encoding_is_left_to_python(tmp_path: Path, line: str) -> None:
    """It holds no metadata, and the file is what the target refuses."""
    (tmp_path / "main.py").write_bytes(f"# coding: {line}\n".encode() + b"# /// script\n# ///\n\xff\n")
    assert collect_needs(tmp_path).lines == ()


@pytest.mark.parametrize("name", ["requirements.txt", "pyproject.toml", "Pipfile"])
def test_a_requirements_file_that_is_not_a_file_is_an_error(tmp_path: Path, name: str) -> None:
    """A dangling link or a folder would otherwise count as no requirements."""
    (tmp_path / "main.py").write_text("")
    (tmp_path / name).symlink_to("gone.txt")
    with pytest.raises(LockError, match=rf"{name} is a link to 'gone\.txt', where no file is") as caught:
        collect_requirements(FunctionSpec(tmp_path, "f", "fn"), tmp_path)
    assert caught.value.exit_code == 40
    (tmp_path / name).unlink()
    (tmp_path / name).mkdir()
    with pytest.raises(LockError, match=f"{name} is a folder"):
        collect_requirements(FunctionSpec(tmp_path, "f", "fn"), tmp_path)
    named = collect_requirements(FunctionSpec(tmp_path, "f", "fn", requirements=("six",)), tmp_path)
    assert [requirement.name for requirement in named.lines] == ["six"]
