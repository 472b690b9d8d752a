"""A build as a function: options are values, and what is wrong with them is said before anything is done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ovenbird_builder.actions.build_image import build_target, check_options
from ovenbird_builder.errors import BuildRequestError


def test_options_are_texts_lists_and_switches(tmp_path: Path) -> None:
    """A single text stands for a list of one, a path for its text, and None for an option that is not given."""
    assert check_options(
        {"tag": "app:1", "requirements": [tmp_path / "a.txt"], "slim": True, "base": tmp_path, "python": None}
    ) == {"tag": ("app:1",), "requirements": (str(tmp_path / "a.txt"),), "slim": True, "base": str(tmp_path)}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"requirement_files": "a.txt"}, "a build has no option 'requirement_files'"),
        ({"result_file": "a.json"}, "a build has no option 'result_file'"),
        ({"slim": "yes"}, "slim: expected True or False, found 'yes'"),
        ({"tag": 1}, "tag: expected a text, or a list of texts, found 1"),
        ({"tag": ["app:1", 2]}, "tag: expected a text, or a list of texts, found"),
        ({"base": ["a", "b"]}, "base: expected a text, found"),
    ],
)
def test_an_option_of_another_kind(options: dict[str, Any], message: str) -> None:
    """The error names the option, what it takes and what was found."""
    with pytest.raises(BuildRequestError) as caught:
        build_target("main.py:handler", options, {})
    assert message in str(caught.value)


def test_a_variable_stands_for_an_option_that_is_not_given(tmp_path: Path) -> None:
    """As for the command: a wrong value of the variable is an error of the build."""
    (tmp_path / "main.py").write_text("def handler(): ...\n")
    with pytest.raises(BuildRequestError, match="expected one of zstd, gzip, found 'lzma'"):
        build_target(f"{tmp_path / 'main.py'}:handler", {}, {"OVENBIRD_COMPRESSION": "lzma", "HOME": str(tmp_path)})
