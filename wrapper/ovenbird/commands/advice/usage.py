"""Explain a mistake on the command line, and suggest what may have been meant."""

from __future__ import annotations

import argparse
import contextlib
import re

from ...command_line.inner_parsers import find_sub_parsers, list_flags
from ...command_line.verb_parser import CommandParser
from ...common.did_you_mean import nearest_name
from ...common.redact import redact_text
from ...common.text import cut_text, escape_controls, show_value
from ...errors import SettingsError

_UNKNOWN = "unrecognized arguments: "
_REQUIRED = "arguments are required: "
_CHOICE = re.compile(r"invalid choice: '(.*?)' \(choose from (.*)\)")
# verbs of the builder, for images that hold the runtime alone; a test holds them to its entry points
_OF_BUILDER = ("base", "build", "bundle", "cache", "inspect", "lock", "manifests", "rebase", "sbom")
_OF_RUNS = ("list", "ls", "show", "get", "rm", "logs", "tag", "compare", "rerun")


def unknown_verb_error(verb: str) -> SettingsError:
    """Return the error for a verb that does not exist."""
    from .verb_parsers import describe_verbs

    suggestion = nearest_name(verb, (*describe_verbs(), *_OF_BUILDER, "ui"))
    if verb in (*_OF_BUILDER, "ui"):
        from ...common.install_hint import format_install_command

        part, extra = ("the page", "ui") if verb == "ui" else ("the builder", "build")
        return SettingsError(f"{show_value(verb)} is a verb of {part}, which is not installed here",
                             hint=format_install_command(extra))  # fmt: skip
    if verb in _OF_RUNS:
        hint = f"did you mean `ovenbird runs {'list' if verb == 'ls' else verb}`?"
    elif verb.endswith((".py", ".yaml", ".yml")) or ".py:" in verb:
        hint = f"`ovenbird run {verb}` runs it, `ovenbird serve {verb}` serves it"
    elif verb == "version":
        hint = "`ovenbird --version` prints it"
    elif suggestion:
        hint = f"did you mean `ovenbird {suggestion}`?"
    else:
        hint = "`ovenbird --help` lists the verbs"
    return SettingsError(f"there is no verb {show_value(verb)}", hint=hint)


def explain_error(parser: CommandParser, message: str) -> str:
    """Return the text for a mistake that argparse has found: one line, and a hint."""
    leaf = _find_leaf(parser)
    hint = _suggest(leaf, message) or f"`{leaf.prog} --help` lists what it takes"
    message = _remove_values(message)
    text = "\n".join(cut_text(escape_controls(line), 4000) for line in message.split("\n"))
    return f"{leaf.prog}: error: {text}\n  hint: {hint}\n"


def _remove_values(message: str) -> str:
    """Return a message of argparse without the values of flags that it does not know: one may be a password."""
    unknown = message.partition(_UNKNOWN)[2].split()
    flags_alone = [word.partition("=")[0] for word in unknown if word.startswith("-")]
    if flags_alone:
        return message.partition(_UNKNOWN)[0] + _UNKNOWN + " ".join(flags_alone)
    return redact_text(message)


def _find_leaf(parser: CommandParser) -> argparse.ArgumentParser:
    """Return the parser of the verb that the words name, as far as they name one."""
    leaf: argparse.ArgumentParser = parser
    for word in parser.words:
        leaf = find_sub_parsers(leaf).get(word, leaf)
    return leaf


def _suggest(leaf: argparse.ArgumentParser, message: str) -> str:
    if message.startswith(_UNKNOWN):
        words = message.removeprefix(_UNKNOWN).split()
        odd = next((word for word in words if word.startswith("-")), "")
        if odd:
            return _suggest_flag(odd.partition("=")[0], leaf)
        name = next((word.partition("=")[0] for word in words if "=" in word), "")
        takes_parameters = any("--param" in action.option_strings for action in list_flags(leaf))
        return f"a parameter is given as `--param {name}=VALUE`" if name.isidentifier() and takes_parameters else ""
    if _REQUIRED in message and leaf.prog != "ovenbird" and (verbs := find_sub_parsers(leaf)):
        return f"one of {', '.join(verbs)}"
    if choice := _CHOICE.search(message):
        choices = [word.strip().strip("'\"") for word in choice[2].split(",")]
        word = {"ls": "list", "remove": "rm", "delete": "rm", "log": "logs"}.get(choice[1], choice[1])
        suggestion = word if word in choices else nearest_name(word, choices)
        return f"did you mean {show_value(suggestion)}?" if suggestion else ""
    return ""


def _suggest_flag(flag: str, leaf: argparse.ArgumentParser) -> str:
    if verbs := _find_verbs(flag):
        return f"`{flag}` is a flag of {', '.join(f'`{verb}`' for verb in verbs)}"
    names = [name for action in list_flags(leaf) for name in action.option_strings if len(name) > 2]
    same_letter = [name for name in names if name[:3] == flag[:3]]  # few people mistype the first one
    suggestion = nearest_name(flag, same_letter) or nearest_name(flag, names, cutoff=0.75)
    return f"did you mean {show_value(suggestion)}?" if suggestion else ""


def _find_verbs(flag: str) -> list[str]:
    """Return every verb that has a flag, `ovenbird runs list` too."""
    from .verb_parsers import describe_verbs, find_parser, walk_parsers

    verbs = []
    for verb in describe_verbs():
        with contextlib.suppress(KeyError, ImportError):
            parsers = walk_parsers(find_parser(verb))
            verbs += [p.prog for p in parsers if any(flag in action.option_strings for action in list_flags(p))]
    return verbs
