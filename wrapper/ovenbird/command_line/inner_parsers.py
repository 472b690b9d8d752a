"""Read the parts of an argparse parser that have no public interface: arguments, groups, parsers of verbs.

These attributes have been there since Python 2.7, and everything that reads parsers reads them.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable

from .verb_parser import CommandParser


def list_arguments(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """Return the arguments of a parser that help shows, but those that are parsers of verbs."""
    actions: list[argparse.Action] = parser._actions
    return [a for a in actions if a.help != argparse.SUPPRESS and not isinstance(a, argparse._SubParsersAction)]


def list_flags(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """Return the arguments that are flags."""
    return [action for action in list_arguments(parser) if action.option_strings]


def find_sub_parsers(parser: argparse.ArgumentParser) -> dict[str, CommandParser]:
    """Return the parsers of the verbs below this one, by name."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def describe_sub_parsers(parser: argparse.ArgumentParser) -> dict[str, str]:
    """Return the line of help of each verb below this one."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return {choice.dest: choice.help or "" for choice in action._choices_actions}
    return {}


def takes_value(action: argparse.Action) -> bool:
    """Return whether a word follows the flag."""
    return action.nargs != 0


def move_to_groups(parser: argparse.ArgumentParser, groups: Iterable[tuple[str, list[argparse.Action]]]) -> None:
    """Show flags below titles of their own."""
    plain = parser._optionals._group_actions
    for title, actions in groups:
        group = parser.add_argument_group(title)
        for action in actions:
            plain.remove(action)
            group._group_actions.append(action)


def list_ungrouped(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """Return the flags below no title of their own."""
    return [action for action in parser._optionals._group_actions if action.help != argparse.SUPPRESS]
