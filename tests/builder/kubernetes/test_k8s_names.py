"""Any name of a function becomes one that Kubernetes takes, and no two become the same."""

from __future__ import annotations

import re

import pytest

from ovenbird_builder.kubernetes.k8s_names import is_label, is_namespace, is_subdomain, make_label, make_label_value


@pytest.mark.parametrize("name", ["f", "greet", "a-b-c", "x1", "a" * 48])
def test_a_name_that_is_a_label_stays(name: str) -> None:
    """Nothing is added to a name that is right already."""
    assert make_label(name) == name


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("My.Func", "my-func-"), ("a_b", "a-b-"), ("3d", "f-3d-"), ("-x-", "x-"), ("...", "f-"),
        ("a" * 49, "a" * 41 + "-"),
        ("A+b_C-d.e", "a-b-c-d-e-"), ("Über", "ber-"),
    ],
)  # fmt: skip
def test_any_other_name_is_lowered_and_gets_a_digest(name: str, start: str) -> None:
    """The rest of the name is readable, and six hex digits make it unique."""
    text = make_label(name)
    assert re.fullmatch(re.escape(start) + "[0-9a-f]{6}", text)
    assert is_label(text)
    assert make_label(name) == text


def test_names_that_look_alike_stay_apart() -> None:
    """Two functions never get the same objects."""
    names = ["a.b", "a_b", "A.b", "a-b", "a+b", "a" * 60, "a" * 61]
    assert len({make_label(name) for name in names}) == len(names)


@pytest.mark.parametrize("text", ["", "A", "1a", "a.b", "a_b", "-a", "a-", "a" * 49, "a\n"])
def test_invalid_names_of_objects(text: str) -> None:
    """A letter first, then lower-case letters, digits and dashes, 48 in all."""
    assert not is_label(text)


def test_names_of_existing_objects_may_have_dots_and_digits() -> None:
    """Secrets, claims and accounts have looser names."""
    assert is_subdomain("1a.b-c")
    for text in ("", "a..b", "A", "a_b", "a" * 254):
        assert not is_subdomain(text)


def test_a_namespace_may_begin_with_a_digit() -> None:
    """It is no name of a Service."""
    for text in ("1team", "team-a", "a" * 63):
        assert is_namespace(text)
    for text in ("", "a.b", "-a", "A", "a" * 64):
        assert not is_namespace(text)


@pytest.mark.parametrize(
    ("text", "value"), [("1.2", "1.2"), ("a+b", "a-b"), ("..x..", "x"), ("a" * 70, "a" * 63), ("+", "")]
)
def test_values_of_labels(text: str, value: str) -> None:
    """A label takes letters, digits, dots, dashes and underscores, 63 of them."""
    assert make_label_value(text) == value
