"""The known name that a mistyped one is near to."""

from __future__ import annotations

import pytest

from ovenbird.common.did_you_mean import did_you_mean, find_nearest, nearest_name, suggest_names

KNOWN = ("requirements", "python_version", "base_image", "init_function", "image")


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("requirments", "requirements"),
        ("python_verson", "python_version"),
        ("base-image", "base_image"),
        ("baseImage", "base_image"),
        ("PYTHON_VERSION", "python_version"),
        ("init", "init_function"),
        ("imag", "image"),
        ("im", ""),
        ("xyzzy", ""),
        ("", ""),
        ("x" * 100_000, ""),
    ],
    ids=lambda text: text[:20] or "nothing",
)
def test_a_typing_error_gets_the_nearest_name(name: str, suggestion: str) -> None:
    """Letters that are missing, another case, hyphens, and the beginning of a name; a strange name is near to none."""
    assert nearest_name(name, KNOWN) == suggestion


def test_similar_names_are_suggested_best_first() -> None:
    """A slip of the pen is answered with the names that may have been meant, at most three."""
    assert did_you_mean("handel", ["handler", "handle", "other"]) == "did you mean 'handle' or 'handler'?"
    assert did_you_mean("zzz", ["handler"]) == ""
    assert len(find_nearest("branch", [f"branch-{i}" for i in range(9)])) == 3
    assert find_nearest("Handler", ["handler", "handle"]) == ["handler"]


def test_a_suggestion_is_one_line() -> None:
    """Names of strangers (files of an archive, branches) are shown as any value is."""
    assert did_you_mean("ab\ncd", ["ab\ncde"]) == "did you mean 'ab\\ncde'?"


def test_a_cutoff_of_nothing_ranks_what_is_there() -> None:
    """Who has chosen the names by a rule of his own has them all, the nearest first."""
    assert did_you_mean("fix", ["my-very-long-fix", "a-fix"], cutoff=0) == "did you mean 'a-fix' or 'my-very-long-fix'?"


def test_other_names_are_listed_and_counted() -> None:
    """Nothing near: what there is, private names left out, cut after five."""
    assert suggest_names("zzz", ["b", "a", "_private"]) == "found: a, b"
    assert suggest_names("zzz", [f"n{i}" for i in range(8)]) == "found: n0, n1, n2, n3, n4 and 3 more"
    assert suggest_names("zzz", ["_private"]) == ""
    assert suggest_names("handel", ["handler"]) == "did you mean 'handler'?"
