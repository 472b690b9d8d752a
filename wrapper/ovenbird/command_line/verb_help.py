"""Complete the help of a verb when it is printed: groups of flags, defaults, a short usage, notes, examples."""

from __future__ import annotations

import argparse
from typing import Any

from .. import settings as table
from ..common.setting_values import size
from .examples import EXAMPLES
from .inner_parsers import find_sub_parsers, list_arguments, list_flags, list_ungrouped, move_to_groups
from .verb_parser import VERBS, CommandParser, Formatter

_MANY = 8  # flags; a usage with more does not list each
NOTES = {
    "run": (
        "What is printed: on stdout what the function returned, once, at the end (JSON, text, the first rows of a "
        "table, a path, the key of what was stored), and what the function prints itself; on stderr the log, as text "
        "on a terminal and where CI is set, else as JSON. --result-file FILE gets the end as JSON, with - on stdout. "
        "The record, its outputs and its log are kept in .ovenbird, in OVENBIRD_HOME or in DigitalHub Core: see them "
        "with `ovenbird runs list`, `runs show latest` and `runs logs latest`. The exit status is 0 when the function "
        "has returned and all is stored, 74 when it raised, 75 after --timeout, 129, 130 or 143 when it was stopped. "
        "With --each or --grid each line is such a run: stdout gets a table on a terminal, else a JSON object for each "
        "line, and the exit status is the highest of all."
    ),
    "completion": (
        "Or for this shell alone: `source <(ovenbird completion bash)` in bash and in zsh (after `compinit`), and "
        "`ovenbird completion fish | source` in fish."
    ),
}
# title -> the flags below it, whichever verb has them; in the order in which help shows them
GROUPS: dict[str, str] = {
    "the function": "source init strict python env_file",
    "parameters and inputs": "param params input",
    "many runs": "each index grid parallel",
    "the record": "reuse name tag note project platform platform_patience platform_mode",
    "results": "output_dir files_store result_file",
    "in a container": "container image engine env",
    "in a cluster": "cluster",
    "the listener": "host port admin_port page probe_port methods",
    "processes": "workers preload max_requests",
    "load and time limits": "concurrency queue queue_timeout timeout",
    "limits of what comes in and goes out": (
        "max_body max_pending_input max_fields max_items max_header read_timeout write_timeout max_pending_output"
        " keep_alive max_input source_limit source_files"
    ),
    "start and stop": "init_timeout drain_delay grace",
    "the log": "access_log log_format log_level",
    "developing": "reload debug pdb",
}
BUILD_GROUPS: dict[str, str] = {
    "the function": "source strict python base platform",
    "what it depends on": (
        "requirement requirements constraints constraint extra locker index_url extra_index_url only_binary upgrade"
        " upgrade_package"
    ),
    "what runs in the image": "instruction secret",
    "the image": "tag push output out compression slim slim_keep label annotation write_back",
    "proof and result": "check allow list explain dry_run result_file dotenv_file json",
    "network and registries": "registry ca_bundle allow_host authfile creds_file offline bundle timeout",
    "on this machine": "cache_dir",
}
_OF_BUILDER = ("build", "bundle", "lock", "rebase", "inspect", "sbom")


class HelpFormatter(Formatter):
    """Fills paragraphs, and leaves examples as they are."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:  # of argparse.HelpFormatter
        parts = text.split("\n\n")
        return "\n\n".join(p if p.startswith("examples:") else super(HelpFormatter, self)._fill_text(p, width, indent)
                           for p in parts)  # fmt: skip


def complete_help(parser: CommandParser) -> None:
    """Add to a parser what only its help needs. A second call does nothing."""
    verb = parser.prog.removeprefix("ovenbird").strip()
    if parser.formatter_class is HelpFormatter:
        return
    parser.formatter_class = HelpFormatter
    _show_defaults(parser, verb)
    groups = BUILD_GROUPS if verb in _OF_BUILDER else GROUPS if verb in VERBS else {}
    if len(list_ungrouped(parser)) > _MANY:
        move_to_groups(parser, _group_flags(parser, groups))
    if len(list_flags(parser)) > _MANY and not find_sub_parsers(parser):
        parser.usage = f"{parser.prog} [flags]" + "".join(
            f" {_format_word(a)}" for a in list_arguments(parser) if not a.option_strings
        )
    examples = EXAMPLES.get(verb, ())
    paragraphs = [parser.epilog or NOTES.get(verb, ""), parser.note]
    if examples:
        paragraphs.append("examples:\n" + "\n".join(f"  {line}" for line in examples))
    parser.epilog = "\n\n".join(text for text in paragraphs if text).replace("%", "%%")


def format_default(row: table.Option[Any], verb: str = "") -> str:
    """Return the default of a setting as a person types it; empty if its help says it, or there is none."""
    value = row.metadata["defaults"].get(verb, table.default(row))
    if value in ("", (), {}, -1):
        return ""
    if isinstance(value, bool):
        return "on" if value else "off"
    if row.metadata["parse"] is size:
        return f"{value // 1024**2}MiB" if value >= 1024**2 else f"{value // 1024}KiB"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _show_defaults(parser: CommandParser, verb: str) -> None:
    """Add the default to the help of each flag that has one and does not say it."""
    rows = {table.flag(row): row for row in table.options(verb)} if verb not in _OF_BUILDER else {}
    for action in list_arguments(parser):
        row = next((rows[name] for name in action.option_strings if name in rows), None)
        text = format_default(row, verb) if row else _format_action_default(action)
        help_text = action.help or ""
        is_said = "Default:" in help_text if row else "default" in help_text or help_text.endswith(f"[{text}]")
        if text and not is_said:
            action.help = f"{action.help or ''} (default: {text})".replace("%", "%%" if "%" in text else "%").strip()


def _format_action_default(action: argparse.Action) -> str:
    value = action.default
    if value in (None, "", [], (), False, argparse.SUPPRESS) or not isinstance(value, (str, int, float)):
        return ""
    return "on" if value is True else str(value)


def _group_flags(parser: CommandParser, groups: dict[str, str]) -> list[tuple[str, list[argparse.Action]]]:
    by_name = {action.dest: action for action in list_ungrouped(parser)}
    sections = [
        (title, [by_name[name] for name in names.split() if name in by_name]) for title, names in groups.items()
    ]
    return [(title, actions) for title, actions in sections if actions]


def _format_word(action: argparse.Action) -> str:
    name = str(action.metavar or action.dest)
    return {"?": f"[{name}]", "*": f"[{name} ...]", "+": f"{name} [{name} ...]"}.get(str(action.nargs), name)
