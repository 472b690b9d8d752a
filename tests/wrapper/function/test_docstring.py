"""What docstrings say of arguments."""

from __future__ import annotations

import inspect

import pytest

from ovenbird.function.docstring import split_docstring

GOOGLE = """Do it.

    More: prose, with a colon.

    Args:
        a: the first
            goes on
        b (int, optional): the second
        **rest: more

    Returns:
        int: a number
    """
NUMPY = """Do it.

    More: prose, with a colon.

    Parameters
    ----------
    a : int
        the first
        goes on
    b, c : float
        the second

    Returns
    -------
    int
        a number
    """
SPHINX = """Do it.

    More: prose, with a colon.

    :param a: the first
        goes on
    :param int b: the second
    :returns: a number
    """


@pytest.mark.parametrize("text", [GOOGLE, NUMPY, SPHINX], ids=["google", "numpy", "sphinx"])
def test_each_form_names_its_arguments(text: str) -> None:
    """The text of an argument is one line; the prose has no sections."""
    prose, arguments = split_docstring(inspect.cleandoc(text))
    assert prose == "Do it.\n\nMore: prose, with a colon."
    assert (arguments["a"], arguments["b"]) == ("the first goes on", "the second")
    assert set(arguments) <= {"a", "b", "c", "rest"}


@pytest.mark.parametrize("text", ["", "One line.", "Notes\nand more", "Args are: none", "a: b\nc: d"])
def test_other_text_is_prose(text: str) -> None:
    """What is in no known form stays as it is."""
    assert split_docstring(text) == (text, {})
