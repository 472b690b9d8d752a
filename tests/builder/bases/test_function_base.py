"""A base that is the image of a function is told, as the files of that function stay."""

from __future__ import annotations

from ovenbird_builder.bases.function_base import describe_function_base
from ovenbird_builder.oci import label_names


def test_the_image_of_a_function_is_told() -> None:
    """By its name and its function's; a base of ours, or of others, is none."""
    labels = {label_names.SOURCE_DIGEST: "sha256:1", label_names.TITLE: "greet"}
    (text,) = describe_function_base("e.com/greet:1", labels)
    assert text.startswith("the base 'e.com/greet:1' is the image of the function 'greet': the files of that function")
    assert describe_function_base("e.com/b:1", {label_names.TITLE: "Ovenbird base", label_names.PYTHON: "3.12"}) == ()
