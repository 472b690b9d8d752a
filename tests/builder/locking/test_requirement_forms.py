"""Forms of requirements files that pip takes: options, any encoding, paths and URLs with extras and markers."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest

from ovenbird.function_document import FunctionSpec
from ovenbird_builder.errors import LockError
from ovenbird_builder.locking.requirement_line import RequirementLine, parse_requirement
from ovenbird_builder.locking.requirements import RequirementFlags, Requirements, collect_requirements
from ovenbird_builder.locking.requirements_text import split_lines

HEX = "0123456789abcdef" * 4


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A source with a folder to build, a wheel, and files that may be included."""
    for folder in ("libs/common", "my lib", "reqs", "wheels"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "wheels" / "pear-1.0-py3-none-any.whl").touch()
    (tmp_path / "old.tar.bz2").touch()
    for name in ("base.txt", "my base.txt", "reqs/inner.txt"):
        (tmp_path / name).write_text("banana\n")
    return tmp_path


def collect_listed(tree: Path, text: str | bytes, **options: object) -> Requirements:
    """Return the requirements of a function with this requirements.txt."""
    data = text if isinstance(text, bytes) else text.encode()
    (tree / "requirements.txt").write_bytes(data)
    return collect_requirements(
        FunctionSpec(root=tree, name="f", handler="main:handler", source="."), tree, RequirementFlags(**options)
    )


def list_texts(requirements: Requirements) -> list[str]:
    return [requirement.text for requirement in requirements.lines]


@pytest.mark.parametrize(
    "line",
    [
        "-rbase.txt", "-r base.txt", "-r  base.txt", "--requirement base.txt",
        "--requirement=base.txt", "--requirem base.txt", '-r "my base.txt"', "-r my\\ base.txt", "-r 'my base.txt'",
        '--requirement="my base.txt"', "-r file:base.txt", "-r reqs/inner.txt # why", "-r ./reqs/../base.txt",
    ],
)  # fmt: skip
def test_a_file_is_included_however_it_is_written(tree: Path, line: str) -> None:
    """Attached, with `=`, shortened, quoted, escaped, as a URL."""
    assert list_texts(collect_listed(tree, f"{line}\n")) == ["banana"]


@pytest.mark.parametrize("line", ["-cbase.txt", "-c base.txt", "--constraint=base.txt", '--constraint "my base.txt"'])
def test_a_constraint_file_only_limits(tree: Path, line: str) -> None:
    """In each of these forms; what it includes itself only limits too."""
    (tree / "base.txt").write_text("-r reqs/inner.txt\n")
    requirements = collect_listed(tree, f"{line}\napple\n")
    assert (list_texts(requirements), requirements.list_limits()) == (["apple"], ("banana",))


@pytest.mark.parametrize(
    ("line", "want"),
    [
        ("APPLE >= 1.0", ("apple>=1.0", "apple", (), "")),
        ("apple(>=1,<2)", ("apple<2,>=1", "apple", (), "")),
        ("Apple [X, y_z] ; python_version>='3'", ("apple[x,y-z]; python_version >= \"3\"", "apple", ("x", "y-z"), "")),
        (".", ("file:.", "", (), "file:.")),
        (".[x]", ("file:.[x]", "", ("x",), "file:.")),
        (".[y,X]", ("file:.[x,y]", "", ("x", "y"), "file:.")),
        ("./libs/common", ("file:libs/common", "", (), "file:libs/common")),
        ("libs/common", ("file:libs/common", "", (), "file:libs/common")),
        ("libs/common[x]", ("file:libs/common[x]", "", ("x",), "file:libs/common")),
        ("./libs/common[x] ; python_version < '4'",
         ("file:libs/common[x]; python_version < \"4\"", "", ("x",), "file:libs/common")),
        ("./libs/common;python_version<'4'", ("file:libs/common; python_version < \"4\"", "", (), "file:libs/common")),
        ("./my lib", ("file:my lib", "", (), "file:my lib")),
        ("file:libs/common", ("file:libs/common", "", (), "file:libs/common")),
        ("file:./my%20lib", ("file:my lib", "", (), "file:my lib")),
        ("./libs#egg=Pear[x]&subdirectory=common",
         ("pear[x] @ file:libs/common", "pear", ("x",), "file:libs/common")),
        ("pear @ file:libs/common", ("pear @ file:libs/common", "pear", (), "file:libs/common")),
        ("pear[x]@file:libs/common ; os_name == 'posix'",
         ("pear[x] @ file:libs/common; os_name == \"posix\"", "pear", ("x",), "file:libs/common")),
        ("pear @ file:///${PROJECT_ROOT}/libs/common", ("pear @ file:libs/common", "pear", (), "file:libs/common")),
        ("pear @ {root:uri}/libs/common", ("pear @ file:libs/common", "pear", (), "file:libs/common")),
        ("wheels/pear-1.0-py3-none-any.whl",
         ("file:wheels/pear-1.0-py3-none-any.whl", "", (), "file:wheels/pear-1.0-py3-none-any.whl")),
        ("old.tar.bz2", ("file:old.tar.bz2", "", (), "file:old.tar.bz2")),
        ("git+https://h/x@v1#egg=Pear_Tree[X,y]&subdirectory=lib",
         ("pear-tree[x,y] @ git+https://h/x@v1#subdirectory=lib", "pear-tree", ("x", "y"),
          "git+https://h/x@v1#subdirectory=lib")),
        ("git+https://h/x#egg=pear", ("git+https://h/x", "pear", (), "git+https://h/x")),
        ("git+https://h/x#egg=pear%5Bx%5D", ("pear[x] @ git+https://h/x", "pear", ("x",), "git+https://h/x")),
        ("git+https://h/x ; python_version < '4'",
         ("git+https://h/x; python_version < \"4\"", "", (), "git+https://h/x")),
        ("HTTPS://h/pear.zip", ("https://h/pear.zip", "", (), "https://h/pear.zip")),
        ("pear[x] @ https://h/pear.zip ; python_version < '4'",
         ("pear[x] @ https://h/pear.zip; python_version < \"4\"", "pear", ("x",), "https://h/pear.zip")),
    ],
)  # fmt: skip
def test_a_requirement_keeps_its_name_extras_and_marker(
    tree: Path, line: str, want: tuple[str, str, tuple[str, ...], str]
) -> None:
    """Of a name, a path and a URL, wherever they stand; the text that a lock's head holds has all of them."""
    requirement = collect_listed(tree, f"{line}\n").lines[0]
    assert (requirement.text, requirement.name, requirement.extras, requirement.origin) == want
    marker = requirement.text.partition("; ")[2]
    assert requirement.marker == marker


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("-e .", "file:."), ("-e.", "file:."), ("--editable .[x]", "file:.[x]"),
        ("--editable=libs/common", "file:libs/common"),
        ("-e ./libs/common ; python_version < '4'", 'file:libs/common; python_version < "4"'),
        ('-e "my lib"', "file:my lib"), ('-e "./my lib[x]"', "file:my lib[x]"), ("-e my\\ lib", "file:my lib"),
        ("-e libs", "file:libs"), ("-e file:libs/common", "file:libs/common"),
        ("-e git+https://h/x@v1#egg=pear", "git+https://h/x@v1"),
        ("-e git+https://h/x#egg=pear[x]", "pear[x] @ git+https://h/x"),
        ("-e pear @ git+https://h/x", "pear @ git+https://h/x"),
    ],
)  # fmt: skip
def test_an_editable_requirement_is_copied_with_a_note(tree: Path, line: str, text: str) -> None:
    """An image has no working copy, as the note says."""
    requirements = collect_listed(tree, f"{line}\n")
    assert list_texts(requirements) == [text]
    (note,) = requirements.notes
    assert note.startswith("requirements.txt line 1: ")
    assert "installed as a copy" in note


@pytest.mark.parametrize(
    ("words", "want"),
    [
        (f"--hash=sha256:{HEX}", (f"sha256:{HEX}",)),
        (f"--hash sha256:{HEX}", (f"sha256:{HEX}",)),
        (f"--hash=SHA256:{HEX.upper()}", (f"sha256:{HEX}",)),
        (f'--hash="sha256:{HEX}"', (f"sha256:{HEX}",)),
        (f"--hash=sha512:{HEX}{HEX}", (f"sha512:{HEX}{HEX}",)),
        (f"--hash=sha384:{HEX}{HEX[:32]}", (f"sha384:{HEX}{HEX[:32]}",)),
        (f"--hash=sha256:{HEX} --hash=sha512:{HEX}{HEX}", (f"sha256:{HEX}", f"sha512:{HEX}{HEX}")),
        (f"--hash=sha256:{HEX} --hash=sha256:{HEX}", (f"sha256:{HEX}",)),
    ],
)
@pytest.mark.parametrize("name", ["apple==1.0", "apple==1.0 ; python_version < '4' \\\n   ", "./wheels"])
def test_hashes_are_those_of_pip(tree: Path, name: str, words: str, want: tuple[str, ...]) -> None:
    """Each algorithm that pip takes, in either case, quoted, behind a marker and in the next line."""
    assert collect_listed(tree, f"{name} {words}\n").lines[0].hashes == want


def test_a_hash_in_the_url_of_a_file_counts(tree: Path) -> None:
    """`#sha256=` behind a path; behind a URL it stays there, where pip compares it."""
    requirement = collect_listed(tree, f"./old.tar.bz2#sha256={HEX}\n").lines[0]
    assert (requirement.origin, requirement.hashes) == ("file:old.tar.bz2", (f"sha256:{HEX}",))
    assert parse_requirement(f"https://h/x.whl#sha256={HEX}", "here", tree).origin == f"https://h/x.whl#sha256={HEX}"


def test_options_of_a_file_count_for_all_of_it(tree: Path) -> None:
    """`--only-binary`, `--require-hashes`, `--find-links`, `--pre`, several in a line, and in files included."""
    (tree / "base.txt").write_text("--only-binary=Pear --require-hashes\n")
    requirements = collect_listed(
        tree, "-r base.txt\n--prefer-binary --only-binary apple,Big_Plum\n--find-links=./wheels\napple\n"
    )
    assert (requirements.only_binary, requirements.require_hashes, requirements.find_links, requirements.pre) == (
        ("apple", "big-plum", "pear"), True, ("wheels",), False,
    )  # fmt: skip
    before = requirements.list_texts()
    for text in ("--require-hashes", "--only-binary apple", "--only-binary pear", "--find-links wheels (sha256:"):
        assert any(line.startswith(text) for line in before)
    (tree / "wheels" / "plum-1.0-py3-none-any.whl").touch()
    assert requirements.list_texts() != before
    assert collect_listed(tree, "--only-binary apple\n--only-binary :none:\napple\n").only_binary == ()
    assert collect_listed(tree, "--only-binary :all:\napple\n").only_binary == (":all:",)
    assert collect_listed(tree, "--all-releases :all:\napple\n").pre
    assert collect_listed(tree, "--pre --prefer-binary\napple\n").pre
    assert not collect_listed(tree, "--require-hashes --no-require-hashes\napple\n").require_hashes
    assert list_texts(collect_listed(tree, "--use-feature=fast-deps\napple\n")) == ["apple"]


def test_find_links_are_meant_from_the_file_or_from_the_source(tree: Path) -> None:
    """As pip, which looks in the folder of the file first."""
    (tree / "reqs" / "inner.txt").write_text("-f ../wheels\n-f wheels\n-f file:wheels\n")
    assert collect_listed(tree, "-r reqs/inner.txt\napple\n").find_links == ("wheels",)


def test_a_trusted_host_is_ignored_with_a_note(tree: Path) -> None:
    """Files that pip-compile writes name it; certificates are checked all the same."""
    requirements = collect_listed(tree, "--trusted-host index.example\napple\n")
    assert (list_texts(requirements), "--ca-bundle FILE" in requirements.notes[0]) == (["apple"], True)


@pytest.mark.parametrize(
    "url", ["https://own.example/simple", "https://own.example/simple/", "https://${U}:${P}@OWN.example/simple/"]
)
def test_an_index_is_compared_without_its_login(tree: Path, url: str) -> None:
    """Poetry and people write the variables of a login into the file; they are not filled in."""
    requirements = collect_listed(
        tree, f"-i {url} --extra-index-url={url}\napple\n", indexes=("https://own.example/simple",)
    )
    assert list_texts(requirements) == ["apple"]
    with pytest.raises(LockError) as caught:
        collect_listed(
            tree, "-i https://user:secret-word@evil.example/simple\n", indexes=("https://own.example/simple",)
        )
    assert "may not choose where packages come from" in caught.value.message
    assert "secret-word" not in str(caught.value)


LATIN = "# -*- coding: latin-1 -*-\n# Früchte\napple\n"


@pytest.mark.parametrize(
    "data",
    [
        LATIN.encode("latin-1"),
        b"#!/usr/bin/env pip\n# vim: set fileencoding=cp1252 :\n# \x80\napple\n",
        codecs.BOM_UTF8 + b"apple\n",
        codecs.BOM_UTF16_LE + "# Früchte\napple\n".encode("utf-16-le"),
        codecs.BOM_UTF16_BE + "apple\r\n".encode("utf-16-be"),
        codecs.BOM_UTF32_LE + "apple\n".encode("utf-32-le"),
        codecs.BOM_UTF32_BE + "apple\n".encode("utf-32-be"),
        "# Früchte\napple\n".encode(),
        b"apple\r\n",
        b"\n\n  apple  \n\n",
    ],
    ids=["latin-1", "cp1252", "utf-8-bom", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be", "utf-8", "crlf", "none"],
)  # fmt: skip
def test_text_is_read_in_its_encoding(tree: Path, data: bytes) -> None:
    """By a byte order mark, or a coding line among the first two."""
    assert list_texts(collect_listed(tree, data)) == ["apple"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("# Früchte\n".encode("latin-1"), "requirements.txt is not UTF-8 text"),
        (b"# coding: utf-7-8\napple\n", "the encoding 'utf-7-8' of its coding line is not known"),
        (b"# coding: rot13\napple\n", "the encoding 'rot13' of its coding line is not known"),
        (codecs.BOM_UTF16_LE + b"a", "is not utf-16-le text"),
        (b"# coding: ascii\n# \xff\n", "is not ascii text"),
    ],
    ids=["none", "unknown", "no text", "cut", "other"],
)
def test_text_of_another_encoding_is_reported(tree: Path, data: bytes, words: str) -> None:
    """The hint says how to declare the encoding."""
    with pytest.raises(LockError) as caught:
        collect_listed(tree, data)
    assert words in caught.value.message


@pytest.mark.slow
def test_a_file_may_be_larger_than_a_mebibyte(tree: Path) -> None:
    """As an export with the hashes of all wheels is; more than 64 MiB are refused, in one file or in all."""
    lines = [f"pkg{n}==1.0 \\\n    --hash=sha256:{n:064x} \\\n    --hash=sha256:{n + 1:064x}\n" for n in range(12000)]
    requirements = collect_listed(tree, "".join(lines))
    assert (len(requirements.lines), requirements.lines[-1].hashes[0]) == (12000, f"sha256:{11999:064x}")
    with (tree / "requirements.txt").open("wb") as file:
        file.truncate(64 * 1024 * 1024 + 1)
    with pytest.raises(LockError, match=r"requirements.txt is larger than 64.0 MiB"):
        collect_requirements(FunctionSpec(root=tree, name="f", handler="main:handler", source="."), tree)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("apple \\\n>=1\nbanana", [(1, "apple >=1"), (3, "banana")]),
        ("apple # red\n# whole\n  # indented\nbanana", [(1, "apple"), (4, "banana")]),
        ("apple \\\n# comment\nbanana", [(1, "apple"), (3, "banana")]),
        ("apple # red \\\nbanana\ncherry", [(1, "apple"), (3, "cherry")]),
        ("# all \\\nbanana", [(2, "banana")]),
        ("git+https://h/x#egg=y # why", [(1, "git+https://h/x#egg=y")]),
        ("apple \\", [(1, "apple")]),
        ("apple \\  \n>=1", [(1, "apple >=1")]),
        ("\\\n\\\napple", [(1, "apple")]),
    ],
)
def test_lines_are_joined_and_comments_dropped_as_pip_does(text: str, lines: list[tuple[int, str]]) -> None:
    """With the number of the first; what stands behind a comment that ends in a backslash is comment too."""
    assert split_lines(text) == lines


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("git+https://h/x", "with a URL or a path"), ("./libs/common", "with a URL or a path"),
        ("pear @ https://h/x.whl", "with a URL or a path"), ("apple[x]<2", "with extras"),
        ("-e .", "with a URL or a path"),
    ],
)  # fmt: skip
def test_a_constraint_limits_a_name(tree: Path, line: str, words: str) -> None:
    """As with pip, nothing else is a constraint: it is refused where it stands, in a file and by the flag."""
    (tree / "base.txt").write_text(f"# limits\n{line}\n")
    with pytest.raises(LockError, match=words) as caught:
        collect_listed(tree, "-c base.txt\napple\n")
    assert caught.value.message.startswith("base.txt line 2: a constraint limits")
    with pytest.raises(LockError, match=words):
        collect_listed(tree, "apple\n", constraints=[tree / "base.txt"])


@pytest.mark.parametrize("kind", ["constraints", "files"])
def test_a_url_instead_of_a_file_is_refused_as_such(tree: Path, kind: str) -> None:
    """Not as a file that is missing."""
    with pytest.raises(LockError, match=r"'https://h\.example/limits\.txt' is a URL, which is not read"):
        collect_listed(tree, "apple\n", **{kind: [Path("https://h.example/limits.txt")]})


def test_a_file_named_by_a_flag_is_meant_in_the_source_that_was_copied(
    tree: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Its includes and folders are resolved in the source, which is a copy by then."""
    (tree / "reqs" / "prod.txt").write_text("-r ../base.txt\n./libs/common\n-f ../wheels\n")
    copy = tmp_path_factory.mktemp("copy")
    (copy / "libs" / "common").mkdir(parents=True)
    function = FunctionSpec(root=tree, name="f", handler="main:handler", source=".")
    requirements = collect_requirements(function, copy, RequirementFlags(files=(tree / "reqs" / "prod.txt",)))
    assert (list_texts(requirements), requirements.find_links) == (["banana", "file:libs/common"], ("wheels",))
    outside = tmp_path_factory.mktemp("outside")
    (outside / "lib").mkdir()
    (outside / "more.txt").write_text("./lib\n")
    with pytest.raises(LockError, match=r"more.txt line 1: 'file:lib' is relative to the folder of a file that lies"):
        collect_requirements(function, copy, RequirementFlags(files=(outside / "more.txt",)))


def test_refused_forms_have_a_hint(tree: Path) -> None:
    """pip accepts these forms and Ovenbird does not: the hint has a replacement."""
    for line, hint in (
        ("git@h.example:team/apple.git", "git+ssh://git@h.example/team/apple.git"),
        ("-c https://h/limits.txt", "keep a copy beside the source"),
        ("apple==${V}", "`--requirement` takes what your shell fills in"),
        ("git+https://${TOKEN}@h/x", "a password comes from .netrc"),
        ("--no-binary=apple", "name its source instead"),
        ("apple -C x=y", "build the wheel yourself"),
        ("--no-index", "name the files instead"),
        ("'apple>=1'", "without quotes"),
    ):
        with pytest.raises(LockError) as caught:
            collect_listed(tree, f"{line}\n")
        assert hint in (caught.value.hint or ""), (line, caught.value.hint)


@pytest.mark.parametrize(
    "line",
    [
        "[" * 300_000 + "]", "./" + "[" * 300_000, "a" + " " * 300_000 + "b/", "a[" * 100_000, "-e " + "[" * 300_000,
        "apple; " + "(" * 5000, "./lib; " + "(" * 5000, "-r " + '"' * 300_001, "--hash " * 50_000,
        "a/" * 150_000 + " b",
        "# coding: " + "x" * 300_000,
    ],
    ids=["brackets", "path", "blanks", "extras", "editable", "marker", "path-marker", "quotes", "options", "deep",
         "coding"],
)  # fmt: skip
@pytest.mark.timeout(60)
def test_a_long_line_is_refused_in_time(tree: Path, line: str) -> None:
    """No work that grows with the square of what a stranger writes, and no recursion without end."""
    with pytest.raises(LockError):
        collect_listed(tree, f"{line}\n")


def test_a_requirement_of_a_document_has_the_same_forms(tree: Path) -> None:
    """`spec.requirements` and `--requirement`, but for the options of files."""
    requirement = parse_requirement("./libs/common[x] ; python_version < '4'", "spec.requirements[0]", tree)
    assert requirement == RequirementLine(
        'file:libs/common[x]; python_version < "4"', "spec.requirements[0]", "", (), "file:libs/common", ("x",),
        'python_version < "4"',
    )  # fmt: skip
    with pytest.raises(LockError, match="expected a requirement, found the option"):
        parse_requirement("-e .", "spec.requirements[0]", tree)
