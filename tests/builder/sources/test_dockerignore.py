"""Rules of `.dockerignore`, which are not those of git."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from ovenbird_builder.errors import SourceError
from ovenbird_builder.sources.dockerignore import DockerIgnore


def read_rules(folder: Path, text: str) -> DockerIgnore:
    """Return the rules of a folder whose `.dockerignore` holds a text."""
    (folder / ".dockerignore").write_text(text, encoding="utf-8")
    return DockerIgnore.read(folder)


def is_left_out(rules: DockerIgnore, path: str) -> bool:
    """Return whether a path is left out."""
    rule = rules.match(path)
    return rule is not None and rule.ignored


@pytest.mark.parametrize(
    ("pattern", "left_out", "stays"),
    [
        ("*.log", ["a.log"], ["sub/a.log", "a.log.py"]),
        ("**/*.log", ["a.log", "sub/deep/a.log"], ["a.logs"]),
        ("build", ["build", "build/a/b"], ["sub/build", "builds"]),
        ("/build/", ["build", "build/a"], ["sub/build"]),
        ("./build", ["build/a"], ["sub/build"]),
        ("  build  ", ["build/a"], []),
        ("a/../build", ["build"], ["a"]),
        ("**/build", ["build", "sub/build/a"], ["rebuild"]),
        ("**build", ["rebuild", "sub/rebuild"], ["builder"]),
        ("a/**", ["a/b", "a/b/c"], ["a", "ab"]),
        ("a/**/c", ["a/c", "a/b/c", "a/b/b/c"], ["a/b"]),
        ("a**/*.txt", ["a/b.txt", "a/b/c.txt"], ["b.txt"]),
        ("*/tmp", ["a/tmp", "a/tmp/x"], ["tmp", "a/b/tmp"]),
        ("a?c", ["abc"], ["ac", "a/c"]),
        ("a[b-d]e", ["ace"], ["ae", "aae"]),
        ("a[^b-d]e", ["aze"], ["ace"]),
        ("[\\]a]", ["]", "a"], ["b"]),
        ("a\\*b", ["a*b"], ["axb"]),
        ("a.|)$(}+{bc", ["a.|)$(}+{bc"], ["aX|)$(}+{bc"]),
        ("**/a**/b/**/c*d*e*f", ["a/b/cdef", "x/a/y/b/z/c1d2e3f", "a/b/cdef/g"], ["a/cdef", "a/b/cde", "aa/bb/cdef"]),
        ("**/a/**/b/**/c", ["a/b/c", "x/a/x/b/x/c", "a/b/c/d"], ["xa/b/c", "a/b", "b/a/c"]),
        ("a/**/**/**", ["a/b", "a/b/c"], ["a", "ab"]),
        ("a*b*c*d*e*/f", ["axbxcxdxexxx/f"], ["axbxcxdxe/xxx/f"]),
        ("**/[a-c]?*?*?*x", ["d/abcdx"], ["d/dbcdx", "abx"]),
        ("**", ["a", "a/b"], []),
        (".", [], ["a"]),
        ("../a", [], ["a"]),
        ("", [], ["a"]),
    ],
)
def test_patterns_match_from_the_root(tmp_path: Path, pattern: str, left_out: list[str], stays: list[str]) -> None:
    """From the root, slash by slash, and all that is in a folder that matches."""
    ignore = read_rules(tmp_path, pattern)
    expected = dict.fromkeys(left_out, True) | dict.fromkeys(stays, False)
    assert {path: is_left_out(ignore, path) for path in expected} == expected
    slow = DockerIgnore(tuple(replace(pattern, regex=None) for pattern in ignore.patterns))
    assert {path: is_left_out(slow, path) for path in expected} == expected


def test_the_last_pattern_that_matches_counts(tmp_path: Path) -> None:
    """A `!` includes even files below an excluded folder; the line is reported."""
    ignore = read_rules(tmp_path, "\ufeff*\n# comment\n ! src\n\nsrc/**/*.log\n!src/keep.log\r\n")
    paths = ("a", "src", "src/a.py", "src/a.log", "src/keep.log", "# comment")
    assert [is_left_out(ignore, path) for path in paths] == [True, False, False, True, False, True]
    rule = ignore.match("src/x/a.log")
    assert rule is not None
    assert rule.reason == "'src/**/*.log', line 5 of .dockerignore"


@pytest.mark.parametrize(
    ("negated", "folder", "reaches"),
    [
        ("!a/b/c", "a", True),
        ("!a/b/c", "a/b", True),
        ("!a/b/c", "b", False),
        ("!**/c", "a/b", True),
        ("!*.md", "a", False),
        ("!a/*.md", "a", True),
        ("!a/*.md", "a/b", False),
        ("a", "a", False),
    ],
)
def test_folders_that_a_negation_may_reach_are_entered(
    tmp_path: Path, negated: str, folder: str, reaches: bool
) -> None:
    """No others are entered: a `!` for one file must not cost a walk through `node_modules`."""
    assert read_rules(tmp_path, f"**\n{negated}\n").reaches(folder) == reaches


@pytest.mark.parametrize("pattern", ["**/a**/a**/a**/b", "*a" * 30 + "b", "**/a/" * 12 + "b", "*" * 200 + "b"])
def test_every_pattern_is_fast(tmp_path: Path, pattern: str) -> None:
    """A source is not trusted; each wildcard would multiply the ways to match."""
    ignore = read_rules(tmp_path, pattern)
    for path in ("a/" * 200 + "x", "a" * 255, "aa/" * 60 + "x"):
        assert ignore.match(path) is None


@pytest.mark.parametrize("text", ["!", "! ", "a[", "[z-a]", "a" * 1001])
def test_an_invalid_pattern_is_refused(tmp_path: Path, text: str) -> None:
    """Or is longer than any is."""
    with pytest.raises(SourceError, match=r"cannot read the rules in .*\.dockerignore"):
        read_rules(tmp_path, f"a\n{text}\n")


def test_a_missing_file_has_no_rules(tmp_path: Path) -> None:
    """A link has none either."""
    (tmp_path / "other").write_text("*")
    assert DockerIgnore.read(tmp_path).match("a") is None
    (tmp_path / ".dockerignore").symlink_to("other")
    assert DockerIgnore.read(tmp_path).match("a") is None
