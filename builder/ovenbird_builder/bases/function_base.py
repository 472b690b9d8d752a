"""A base that is the image of a function: what is built on it keeps the files of that function."""

from __future__ import annotations

from collections.abc import Mapping

from ovenbird.common.text import show_value

from ..oci import label_names


def describe_function_base(name: str, labels: Mapping[str, str]) -> tuple[str, ...]:
    """Return the warning about a base of these labels; none where it is no image of a function."""
    if not labels.get(label_names.SOURCE_DIGEST):
        return ()
    function = labels.get(label_names.TITLE, "")
    return (
        f"the base {show_value(name)} is the image of the function {show_value(function)}: the files of that function"
        " stay in the image, where no file of the same name takes their place",
    )
