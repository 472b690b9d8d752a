"""Run one verb from argv. Only this module prints errors for people and ends the process."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

from . import settings as table
from .command_line.error_report import is_folder_gone, report_error
from .command_line.verb_parser import EXTRA, VERBS, CommandParser, build_parser, spell_out
from .common.interrupts import INTERRUPTED, end_on_interrupt, raise_on_interrupt
from .common.process_exit import end_process
from .common.std_streams import STDOUT, flush_stdout, guard_streams, open_closed_streams
from .common.text import is_unicode, show_value
from .errors import OvenbirdError, SettingsError, StdoutError

if TYPE_CHECKING:
    from .commands.verb_call import VerbCall
    from .logging_config import LogHandler

_STOPPED = 143


class _Advice:
    """Help and advice, each imported when it is printed."""

    def describe_command(self) -> str:
        from .commands.advice.overview import describe_command

        return describe_command()

    def complete_help(self, parser: CommandParser) -> None:
        from .command_line.verb_help import complete_help

        complete_help(parser)

    def explain_error(self, parser: CommandParser, message: str) -> str:
        from .commands.advice.usage import explain_error

        return explain_error(parser, message)


CommandParser.advice = _Advice()


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run one verb and end the process with its exit status."""
    signal.signal(signal.SIGTERM, _exit_on_sigterm)
    end_on_interrupt()
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        code = _run_with_streams(words)
    except KeyboardInterrupt:
        code = INTERRUPTED
    except OSError as error:
        code = _report_os_error(error, guarded=not _runs_user_code(words))
    end_process(code)


def _run_with_streams(words: list[str]) -> int:
    """Run one verb with streams that can be written to; return its exit status. Errors: OSError, also of stdout."""
    closed = open_closed_streams()
    if _runs_user_code(words):  # user code continues without streams: what it prints is not its result
        return run(words)
    guard_streams()
    if closed and words[:1] not in (["health"], ["container"]):
        return report_error(StdoutError("stdout is closed", hint="`> /dev/null` drops what is printed"))
    code = run(words)
    try:
        flush_stdout()
    except OSError:
        if not code:
            raise
    return code


def _runs_user_code(words: list[str]) -> bool:
    if any(word in ("-h", "--help") for word in words):
        return False
    return words[:1] in (["serve"], ["run"], ["job"], ["processor"]) or words[:2] == ["runs", "rerun"]


def _report_os_error(error: OSError, *, guarded: bool) -> int:
    """Report an OSError that no verb has caught; return the exit status.

    `guarded`: an error of stdout names it. A closed pipe is not an error, as in `ovenbird runs list | head`.
    """
    stdout = error.filename == STDOUT if guarded else isinstance(error, BrokenPipeError)
    if stdout and isinstance(error, BrokenPipeError):
        return 0
    reason = error.strerror or str(error)
    if stdout:
        return report_error(StdoutError(f"cannot write to stdout: {reason}"))
    suffix = f": {show_value(str(error.filename))}" if error.filename else ""
    if error.filename is None and is_folder_gone():
        reason = "the current folder does not exist"
    trace = ""
    if os.environ.get("OVENBIRD_LOG_LEVEL", "").lower() == "debug":
        from traceback import format_exception

        trace = "".join(format_exception(error)).rstrip()
    return report_error(OvenbirdError(f"{reason}{suffix}", cause=trace))


def run(argv: list[str]) -> int:
    """Parse argv and run the verb; return the exit status. An OvenbirdError is reported on stderr."""
    if argv[:1] not in (["run"], ["job"]) and (odd := next((word for word in argv if not is_unicode(word)), None)):
        return report_error(SettingsError(f"the argument {show_value(odd)} is not UTF-8 text"))
    if odd := next((word for word in argv if word.startswith("--") and word.partition("=")[2] == "--"), None):
        return report_error(
            SettingsError(f"{show_value(odd)}: `--` is not a value")
        )  # argparse gives a list for it, before 3.13
    if argv and argv[0] == "job":  # the verb's name inside a container
        argv = ["run", *argv[1:]]
    if argv and argv[0] == "help":
        argv = [*argv[1:], "--help"]
    if argv[:1] == ["run"] and argv[1:2] and argv[1] in _RECORD_VERBS and not Path(argv[1]).exists():
        noun = SettingsError(f"{show_value(argv[1])} is not a function to run", hint=f"`ovenbird runs {argv[1]}`")
        return report_error(noun)
    try:
        if "--cluster" in argv[1:] and argv[0] in _IN_CLUSTER:
            return _run_in_cluster(argv)
        command = _find_command(argv[0] if argv else "")
        if command is None:
            _refuse_unknown_verb(argv)
            return _run_runtime_verb(argv)
        if argv[0] not in _QUIET:
            _warn_of_variables(_print_warning)
        return command(argv)
    except OvenbirdError as error:
        return report_error(error)
    except ModuleNotFoundError as error:  # an extra that was not installed
        if argv[0] in (*_LISTINGS, *VERBS) or (error.name or "").partition(".")[0] in sys.modules:
            raise
        missing = f"{show_value(argv[0])} needs the package {show_value(error.name)}"
        return report_error(SettingsError(missing, hint=_hint_at_extra("ui" if argv[0] == "ui" else "build")))


def _run_runtime_verb(argv: list[str]) -> int:
    """Run a verb that has its flags from the table of settings; return the exit status."""
    parser = build_parser(argv[0] if argv else "")
    try:
        options = vars(parser.parse_args(spell_out(argv)))
    except SystemExit as exit_request:  # argparse has printed the help, or what is wrong
        return SettingsError.exit_code if exit_request.code else 0
    verb = options.pop("verb")
    lines: LogHandler | None = None
    try:
        target, flags = options.pop("target", None), {key: options.pop(key) for key in EXTRA.get(verb, {})}
        env_file = options.get("env_file") or os.environ.get("OVENBIRD_ENV_FILE")
        names = _load_env_file(env_file) if env_file and "env_file" in options else ()
        settings = table.resolve(verb, options, os.environ)
        raise_on_interrupt()
        if settings.container:
            _warn_of_variables(_print_warning)
            return _run_in_container(verb, target, {**options, "env": ",".join((*settings.env, *names)) or None})
        _refuse_container_flags(options)
        from .logging_config import configure

        lines = configure(settings.log_format, settings.log_level)
        _warn_of_variables(_log_warning)
        from .commands.verb_call import VerbCall

        overrides = table.overridden_names(verb, options, os.environ)
        command: Callable[[VerbCall], int] = import_module(f".commands.{verb}", __package__).main
        return command(VerbCall(settings, overrides, lines, flags, target))
    except OvenbirdError as error:
        return report_error(error, lines, pod=True)


def _refuse_container_flags(options: dict[str, Any]) -> None:
    """Raise SettingsError for a flag of a container without `--container`."""
    for name in ("image", "engine", "env"):
        if options.get(name) is not None:
            raise SettingsError(
                f"`--{name}` without `--container`: the function runs here, in no container",
                hint=f"add `--container`, or leave out `--{name}`",
            )


def _load_env_file(path: str) -> tuple[str, ...]:
    """Set the variables of a file that the environment does not set; return the names of those for the function."""
    from .command_line.env_file import read_env_file

    values = read_env_file(path, os.environ)
    for name, value in values.items():
        os.environ.setdefault(name, value)
    return tuple(name for name in values if not name.startswith("OVENBIRD_"))


def _print_warning(text: str) -> None:
    with contextlib.suppress(OSError):  # stderr may be full
        sys.stderr.write(f"warning: {text}\n")


def _log_warning(text: str) -> None:
    import logging  # not needed by listings and health checks

    logging.getLogger("ovenbird").warning("%s", text)


def _warn_of_variables(warn: Callable[[str], object]) -> None:
    """Warn of variables with a name that is similar to one of ours."""
    if unknown := table.unknown_variables(os.environ):
        from .command_line.variables import describe_misspelled

        for text in describe_misspelled(unknown, os.environ):
            warn(text)


def _find_command(verb: str) -> Callable[[list[str]], int] | None:
    """Return the main function of a verb that parses its own flags, None for the others.

    Such a verb is a listing, the health check, or one that another package adds by its entry point (the builder's
    `build`).
    """
    if verb == "health":
        from .commands.health import main as health

        return health
    if verb in _LISTINGS:
        from .commands.records.record_verbs import main as listings

        return listings
    if not verb or verb in VERBS or verb.startswith("-"):
        return None
    if verb == "init":
        from .commands.init import main as init

        return init
    if verb == "completion":
        from .commands.completion import main as completion

        return completion
    from importlib.metadata import entry_points

    entries = list(entry_points(group="ovenbird.commands", name=verb))
    loaded: Callable[[list[str]], int] | None = entries[0].load() if entries else None
    return loaded


def _refuse_unknown_verb(argv: list[str]) -> None:
    """Raise SettingsError for a verb that neither this package nor another one has."""
    if argv and argv[0] not in VERBS and not argv[0].startswith("-"):
        from .commands.advice.usage import unknown_verb_error

        raise unknown_verb_error(argv[0])


def _run_in_container(verb: str, target: str | None, options: dict[str, Any]) -> int:
    """Hand a verb over to what runs it in a container, with its flags as they were given. Errors: OvenbirdError."""
    command = _find_command("container")
    if command is None:
        missing = "--container: the builder, which runs containers, is not installed here"
        raise SettingsError(missing, hint=_hint_at_extra("build"))
    words = []
    for row in table.options(verb):
        value = options.get(row.name)
        words += [f"{table.flag(row)}={text}" for text in ([value] if isinstance(value, str) else value or ())]
    return command(["container", *words, "--", verb, *([target] if target else [])])


def _run_in_cluster(argv: list[str]) -> int:
    """Hand a verb over to what runs it on Kubernetes. Errors: OvenbirdError."""
    command = _find_command("manifests")
    if command is None:
        missing = "--cluster: the builder, which makes Jobs and services, is not installed here"
        raise SettingsError(missing, hint=_hint_at_extra("build"))
    _warn_of_variables(_print_warning)
    try:
        return command([f"{argv[0]}-cluster", *argv[1:]])
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in sys.modules:
            raise
        missing = f"--cluster needs the package {show_value(error.name)}"
        raise SettingsError(missing, hint=_hint_at_extra("build")) from None


_IN_CLUSTER = ("run", "serve", "runs")
_RECORD_VERBS = ("list", "ls", "show", "get", "rm", "logs", "tag", "compare", "rerun")
_QUIET = ("health", "completion", "container")  # asked every few seconds; read by a shell; called by another verb
_LISTINGS = ("runs", "dataitems", "artifacts", "models", "functions", "lineage", "store")


def _hint_at_extra(extra: str) -> str:
    from .common.install_hint import format_install_command

    return format_install_command(extra)


def _exit_on_sigterm(_: int, __: FrameType | None) -> None:
    """Exit on SIGTERM before another handler is set: process 1 would ignore the signal by default."""
    end_process(_STOPPED)
