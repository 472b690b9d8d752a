"""Names near to one that was not found."""

from ovenbird.function.suggestions import suggest_names


def test_near_names_are_suggested_best_first() -> None:
    """A slip of the pen is answered with the name that was meant."""
    assert suggest_names("handel", ["handler", "handle", "other"]) == "did you mean 'handle' or 'handler'?"


def test_other_names_are_listed_and_counted() -> None:
    """Nothing near: what there is, private names left out, cut after five."""
    assert suggest_names("zzz", ["b", "a", "_private"]) == "found: a, b"
    assert suggest_names("zzz", [f"n{i}" for i in range(8)]) == "found: n0, n1, n2, n3, n4 and 3 more"
    assert suggest_names("zzz", ["_private"]) == ""
