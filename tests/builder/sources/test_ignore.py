"""Rules of `.gitignore`, with a bound on what matching them costs."""

from __future__ import annotations

from pathlib import Path

import pytest
from pathspec import GitIgnoreSpec

from ovenbird_builder.errors import SourceError
from ovenbird_builder.sources.ignore import IgnoreRules, NamePatterns, read_lines
from ovenbird_builder.sources.selection import DEFAULTS


def read_rules(folder: Path, text: str) -> IgnoreRules:
    """Return the rules of a folder whose `.gitignore` holds a text."""
    (folder / ".gitignore").write_text(text)
    return IgnoreRules((".gitignore",)).enter(folder, "")


def test_consecutive_stars_are_a_single_star(tmp_path: Path) -> None:
    """As in git; and a name that does not match is decided at once, without backtracking."""
    ignore = read_rules(tmp_path, "*" * 40 + ".pyc\nbuild/**/x***.log\n/**/deep\n")
    assert ignore.ignores("a.pyc")
    assert ignore.ignores("build/a/b/xyz.log")
    assert ignore.ignores("a/deep")
    assert not ignore.ignores("a" * 200 + ".py")


@pytest.mark.parametrize("rule", ["*a" * 30 + "b", "**/a/" * 12, "x/*a*a*a*a*a"])
def test_a_rule_with_too_many_wildcards_is_refused(tmp_path: Path, rule: str) -> None:
    """The line is named: each wildcard multiplies the ways in which a name may match."""
    with pytest.raises(SourceError, match="line 2 has more than 4 wildcards"):
        read_rules(tmp_path, f"*.pyc\n{rule}\n")


def test_a_rule_that_is_no_pattern_is_named(tmp_path: Path) -> None:
    """A range that ends before it begins is an `OvenbirdError` with the file."""
    with pytest.raises(SourceError, match=r"\.gitignore.*bad character range"):
        read_rules(tmp_path, "[a-!]x\n")


def test_a_byte_order_mark_does_not_cost_the_first_rule(tmp_path: Path) -> None:
    """Editors put one at the start of a file; git skips it as well."""
    ignore = read_rules(tmp_path, "\ufeff.env\n*.log\n")
    assert ignore.ignores(".env")
    assert ignore.ignores("a.log")


def test_names_are_matched_as_pathspec_would() -> None:
    """The patterns that hold by default are matched without it, at every level, in folders and by the last of them."""
    ours, theirs = NamePatterns(DEFAULTS), GitIgnoreSpec.from_lines(DEFAULTS)
    names = [
        "main.py",
        *(line.replace("*", "x").rstrip("/") for line in DEFAULTS),
        "._",
        ".swp",
        "a.swp.py",
        "Coverage",
    ]
    read_tree = [
        f"{above}{name}{end}" for name in names for above in ("", "a/", "node_modules/") for end in ("", "/", "/b")
    ]
    for path in read_tree:
        expected, rule = theirs.check_file(path), ours.match(path)
        assert (expected.include or False) == (rule is not None), path
        assert rule is None or rule.reason == f"'{DEFAULTS[expected.index or 0]}', default", path
    assert ours.match("a.swp", {"'*.swp', default"}) is None


@pytest.mark.parametrize("name", [".ovenbirdignore", ".dockerignore"])
def test_rules_in_another_encoding_are_refused(tmp_path: Path, name: str) -> None:
    """As a shell of Windows writes them: they would match nothing, and what they name would be packed."""
    (tmp_path / name).write_text("secret.txt\n", encoding="utf-16")
    with pytest.raises(SourceError, match=r"the rules in .*: they are not UTF-8 text") as caught:
        read_lines(tmp_path / name)
    assert "iconv" in caught.value.hint
    (tmp_path / name).write_text("secret.txt\n", encoding="utf-8-sig")
    assert read_lines(tmp_path / name) == ["secret.txt"]


def test_rules_that_are_no_file_are_refused(tmp_path: Path) -> None:
    """A link or a folder would leave nothing out without a word; git reads no rules through a link."""
    (tmp_path / "rules").write_text("secret.txt\n")
    (tmp_path / ".gitignore").symlink_to("rules")
    assert read_lines(tmp_path / ".gitignore") is None
    assert read_lines(tmp_path / ".ovenbirdignore") is None
    path = tmp_path / ".ovenbirdignore"
    for target in ("rules", "nowhere"):
        path.symlink_to(target)
        with pytest.raises(SourceError, match="it is a link, a folder or no regular file"):
            read_lines(path)
        path.unlink()
    path.mkdir()
    with pytest.raises(SourceError, match="it is a link, a folder or no regular file"):
        read_lines(path)
