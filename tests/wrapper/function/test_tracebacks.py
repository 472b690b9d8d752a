"""Tracebacks for the user, without frames that are not the user's."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable

import pytest

from ovenbird.common.setting_values import duration
from ovenbird.function.tracebacks import has_user_frames, summarize_error, user_traceback


def catch(act: Callable[[], object]) -> BaseException:
    with pytest.raises(BaseException) as caught:
        act()
    return caught.value


def test_our_frames_are_cut_and_the_users_stay() -> None:
    """An error that our code raised below the user's shows the user's line alone."""
    text = user_traceback(catch(lambda: duration("soon")))
    assert "lambda: duration" in text
    assert "settings.py" not in text


def test_causes_and_contexts_are_cut_too() -> None:
    """A chain of errors keeps its links, each without our frames."""

    def act() -> None:
        try:
            duration("soon")
        except ValueError as error:
            raise KeyError("no limit") from error

    text = user_traceback(catch(act))
    assert "direct cause" in text
    assert "KeyError: 'no limit'" in text
    assert "settings.py" not in text


def test_a_cycle_of_contexts_ends() -> None:
    """Errors that name each other as context do not loop for ever."""
    first, second = ValueError("one"), ValueError("two")
    first.__context__, second.__context__ = second, first
    assert "ValueError: one" in user_traceback(first)


def test_a_missing_module_has_no_frame_of_the_users() -> None:
    """Frames of the import system are left out, which is how a missing module differs from a failing one."""
    error = catch(lambda: importlib.import_module("no_such_module_at_all"))
    frames = error.__traceback__
    assert frames is not None
    assert has_user_frames(error)  # `catch` and the lambda
    assert frames.tb_next is not None
    assert not has_user_frames(error.with_traceback(frames.tb_next.tb_next))


def test_the_summary_is_one_line() -> None:
    """The type and the first line, whatever the message does."""

    class Rude(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    assert summarize_error(ValueError("a\nb")) == "ValueError: a"
    assert summarize_error(ValueError()) == "ValueError"
    assert summarize_error(Rude()) == "Rude"


def test_groups_of_errors_are_cut() -> None:
    """An exception group, where Python has them, shows its parts without our frames."""
    group = getattr(sys.modules["builtins"], "ExceptionGroup", None)
    error = catch(lambda: duration("soon"))
    text = user_traceback(group("many", [error]) if group else error)
    assert "a duration such as" in text
    assert "settings.py" not in text
