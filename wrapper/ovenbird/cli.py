"""argv -> one verb. The only place that prints for people and exits."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

from . import settings as table
from .common.text import escape_controls, is_unicode, show_value
from .errors import OvenbirdError, SettingsError
from .process_exit import end_process

if TYPE_CHECKING:
    from .function.target import Target
    from .logs import Lines
    from .serve.dialect import Dialect

_VERBS = {
    "serve": "serve a function over HTTP",
    "check": "load a function and print the contract that was resolved; init is not run, its parameters are bound",
    "invoke": "call a function once, in this process, and print its answer",
    "run": "run a function a single time as a job, and record what it made",
    "processor": "serve or run a function as the platform's processor does, from its document",
    "health": "ask the service on this machine whether it is ready; the exit status is 0 or 1",
}
_EPILOGS = {
    "run": (
        "What is printed: on stdout what the function returned, once, at the end (JSON, text, the first rows of a "
        "table, a path, the key of what was stored), and what the function prints itself; on stderr the log, as text "
        "on a terminal and where CI is set, else as JSON. --result-file FILE gets the end as JSON, with - on stdout. "
        "The record, its outputs and its log are kept in .ovenbird, in OVENBIRD_HOME or in DigitalHub Core: see them "
        "with `ovenbird runs list`, `runs show latest` and `runs logs latest`. The exit status is 0 when the function "
        "has returned and all is stored, 74 when it raised, 75 after --timeout, 129, 130 or 143 when it was stopped."
    )
}
_STOPPED, _INTERRUPTED = 143, 130
_IMAGE = Path("/opt/ovenbird")  # where an image of ours has the runtime, and the function document that was built in
_TARGET = (
    "FILE.py:NAME, FILE.py (its `handler`), pkg.mod:NAME, function.yaml, or a folder that holds one; "
    "default: OVENBIRD_TARGET, the current folder, the function that an image was built with"
)


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run one verb and end the process with its exit status."""
    signal.signal(signal.SIGTERM, _terminated)
    try:
        code = run(list(sys.argv[1:] if argv is None else argv))
    except KeyboardInterrupt:
        code = _INTERRUPTED
    except BrokenPipeError:  # `ovenbird runs list | head`: whoever read has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    end_process(code)


def run(argv: list[str]) -> int:
    """Parse argv, run the verb; the exit status. Errors of ours are told on stderr and become the status."""
    if argv[:1] not in (["run"], ["job"]) and (odd := next((word for word in argv if not is_unicode(word)), None)):
        return report(SettingsError(f"the argument {show_value(odd)} is not UTF-8 text"))
    if odd := next((word for word in argv if word.startswith("--") and word.partition("=")[2] == "--"), None):
        return report(
            SettingsError(f"{show_value(odd)}: `--` is not a value")
        )  # argparse gives a list for it, before 3.13
    if argv and argv[0] == "job":  # the same verb, as it is called inside a container
        argv = ["run", *argv[1:]]
    if command := _command(argv[0] if argv else ""):
        try:
            return command(argv)
        except OvenbirdError as error:
            return report(error)
        except ModuleNotFoundError as error:  # an extra that was not installed
            if argv[0] in _LISTINGS or (error.name or "").partition(".")[0] in sys.modules:
                raise
            missing = f"{show_value(argv[0])} needs the package {show_value(error.name)}"
            return report(SettingsError(missing, hint=_install_builder()))
    parser = _parser(argv[0] if argv else "")
    try:
        options = vars(parser.parse_args(_spelled_out(argv)))
    except SystemExit as done:  # argparse has printed the help, or what is wrong
        return SettingsError.exit_code if done.code else 0
    verb = options.pop("verb")
    lines: Lines | None = None
    try:
        target, extra = options.pop("target", None), {key: options.pop(key) for key in _EXTRA.get(verb, {})}
        settings = table.resolve(verb, options, os.environ)
        if settings.container:
            return _contained(verb, target, options)
        from .logs import configure

        lines = configure(settings.log_format, settings.log_level)
        if verb == "processor":
            return _processor(settings, table.given(verb, options, os.environ), lines, extra)
        extra["find"] = lambda: _target(target, settings)
        extra["name"] = target or os.environ.get("OVENBIRD_TARGET") or "."
        if verb in ("run", "serve") and not target and _named_by_platform(settings):
            return (_run if verb == "run" else _serve_named)(None, settings, lines, extra)
        return _DO[verb](extra["find"](), settings, lines, extra)
    except OvenbirdError as error:
        return report(error, lines, pod=True)


def _command(verb: str) -> Callable[[list[str]], int] | None:
    """What parses its own flags: a listing, the health check, or a verb that another package brings (the builder's
    `build`, `base`, ...) by its entry point; None for the rest.
    """
    if verb == "health":
        from .health import main as health

        return health
    if verb in _LISTINGS:
        from .listings import main as listings

        return listings
    if not verb or verb in _VERBS or verb.startswith("-"):
        return None
    from importlib.metadata import entry_points

    found = list(entry_points(group="ovenbird.commands", name=verb))
    loaded: Callable[[list[str]], int] | None = found[0].load() if found else None
    return loaded


def _contained(verb: str, target: str | None, options: dict[str, Any]) -> int:
    """Hand a verb over to what runs it in a container, with its flags as they were given. Errors: OvenbirdError."""
    command = _command("container")
    if command is None:
        missing = "--container: the builder, which runs containers, is not installed here"
        raise SettingsError(missing, hint=_install_builder())
    words = []
    for row in table.options(verb):
        given = options.get(row.name)
        words += [f"{table.flag(row)}={text}" for text in ([given] if isinstance(given, str) else given or ())]
    return command(["container", *words, "--", verb, *([target] if target else [])])


def report(error: OvenbirdError, lines: Lines | None = None, *, pod: bool = False) -> int:
    """Tell an error: one JSON record where the log is JSON, else text for people. The exit status.

    `pod`: it is why a pod fails, and so the container's termination message too.
    """
    if pod:
        _terminate(error)
    from .logs import is_for_people, json_line, text_line

    wanted = os.environ.get("OVENBIRD_LOG_FORMAT")
    as_text = wanted == "text" or (wanted != "json" and is_for_people(sys.stderr))
    form = lines.line if lines else (text_line if as_text else json_line)
    if form is json_line:
        fields: dict[str, Any] = {"code": error.code, "exit_code": error.exit_code}
        fields |= {"hint": error.hint} if error.hint else {}
        fields |= {"traceback": error.cause} if error.cause else {}
        text = json_line(time.time(), "error", error.message, fields)
    else:
        cause = "".join(f"{escape_controls(line)}\n" for line in error.cause.split("\n")) if error.cause else ""
        hint = f"  hint: {error.hint}\n" if error.hint else ""
        text = f"{cause}error: {error.message}\n{hint}"
    with contextlib.suppress(OSError, ValueError):  # nobody reads: the exit status says it too
        sys.stderr.write(text)
        sys.stderr.flush()
    return error.exit_code


def _terminate(error: OvenbirdError) -> None:
    from .common.termination_log import write_termination_message

    write_termination_message(error.code, str(error), error.cause)


def _serve(target: Target, settings: table.Settings, lines: Lines, extra: dict[str, Any]) -> int:
    from .serve.run import Host, serve

    project = _project(target, settings)
    host = Host(lines, extra["find"], lambda error: report(error, lines, pod=True), end_process, _age(), project)
    return serve(target, settings, host)


def _processor(settings: table.Settings, given: frozenset[str], lines: Lines, extra: dict[str, Any]) -> int:
    from .processor.run import processor

    def serve(target: Target, settings: table.Settings, dialect: Dialect) -> int:
        from .serve import run

        host = run.Host(
            lines,
            lambda: target,
            lambda error: report(error, lines, pod=True),
            end_process,
            _age(),
            _project(target, settings),
            dialect,
        )
        return run.serve(target, settings, host)

    return processor(extra["config"], extra["platform_config"], settings, given, serve, os.environ)


def _check(target: Target, settings: table.Settings, _: Lines, extra: dict[str, Any]) -> int:
    from .trying import check

    return check(target, settings, extra["name"], as_json=extra["json"])


def _invoke(target: Target, settings: table.Settings, lines: Lines, extra: dict[str, Any]) -> int:
    from .trying import invoke

    return invoke(target, settings, lines, extra, _project(target, settings))


def _named_by_platform(settings: table.Settings) -> bool:
    """Whether the run that the platform has started says itself what is to be run."""
    if not os.environ.get("RUN_ID") or os.environ.get("OVENBIRD_TARGET"):
        return False
    from .job.run import is_remote

    return is_remote(settings, os.environ)


def _serve_named(_: None, settings: table.Settings, lines: Lines, extra: dict[str, Any]) -> int:
    """Serve the function that the platform's run names, with the parameters of its init."""
    from .job.remote import service

    target, settings = service(settings, os.environ)
    return _serve(target, settings, lines, {**extra, "find": lambda: target})


def _run(target: Target | None, settings: table.Settings, _: Lines, extra: dict[str, Any]) -> int:
    if os.getpid() == 1:
        from .common.first_process import leave_first_process

        leave_first_process()
    from .job.run import run

    launch = {}
    with contextlib.suppress(OSError):  # a folder that is gone: such a run cannot be run again
        named = extra["name"] if extra["name"] != "." else settings.source or "."
        launch = {"target": named, "source": settings.source, "folder": str(Path.cwd())}
    return run(target, settings, os.environ, launch)


def _project(target: Target, settings: table.Settings) -> Callable[[], Any]:
    """What opens the project of a service, when its function asks for it."""

    def opened() -> Any:
        from .platform.opening import open_store
        from .platform.project import Project, name_of

        name = name_of(settings.project, os.environ, target.function.project if target.function else "")
        return Project(open_store(settings.platform, os.environ, settings.platform_patience), name, os.environ)

    return opened


def _target(text: str | None, settings: table.Settings) -> Target:
    import logging

    from .document import refuse_unknown_fields
    from .function.target import parse, unnamed

    named = text or os.environ.get("OVENBIRD_TARGET") or settings.source
    target = parse(named or unnamed(Path(), _IMAGE), settings.source)
    if target.function and target.function.unknown:
        if settings.strict:
            refuse_unknown_fields(target.function)
        for problem in target.function.unknown:
            logging.getLogger("ovenbird").warning("function document: %s", problem)
    return target


_DO = {"serve": _serve, "check": _check, "invoke": _invoke, "run": _run}
_LISTINGS = ("runs", "dataitems", "artifacts", "models", "functions", "lineage", "store")
_EXTRA: dict[str, dict[str, dict[str, Any]]] = {
    "processor": {
        "config": {"metavar": "FILE", "required": True, "help": "the processor's document (kind NuclioFunction)"},
        "platform_config": {"metavar": "FILE", "help": "taken and not read"},
    },
    "check": {"json": {"action": "store_true", "help": "print JSON"}},
    "invoke": {
        "data": {"metavar": "TEXT|@FILE", "help": "the body: text, @FILE, or @- for stdin"},
        "content_type": {"metavar": "TYPE", "default": "application/json", "help": "media type of the body"},
        "header": {"metavar": "NAME:VALUE", "action": "append", "help": "a header; repeat for more"},
        "method": {"metavar": "METHOD", "help": "default: POST with a body, GET without"},
        "path": {"metavar": "PATH", "default": "/", "help": "path and query"},
    },
}


class _Formatter(argparse.HelpFormatter):
    """argparse's, which imports shutil for the width of the terminal each time an option is added."""

    def __init__(self, prog: str) -> None:
        columns = os.environ.get("COLUMNS", "")
        try:
            width = int(columns) if columns.isdecimal() else os.get_terminal_size().columns
        except (ValueError, OSError):  # no terminal
            width = 0
        super().__init__(prog, width=(width or 80) - 2)


def _parser(chosen: str) -> argparse.ArgumentParser:
    """The command line; options are added to the chosen verb alone, since adding all of them takes milliseconds."""
    from . import __version__

    parser = argparse.ArgumentParser(
        prog="ovenbird", description="Turn a Python function into something that runs.", epilog=_others(chosen),
        formatter_class=_Formatter,
    )  # fmt: skip
    parser.add_argument("--version", action="version", version=f"ovenbird {__version__}")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for verb, text in _VERBS.items():
        if chosen in _VERBS and verb != chosen:
            continue
        verb_parser = verbs.add_parser(
            verb, help=text, description=f"{text[0].upper()}{text[1:]}.", epilog=_EPILOGS.get(verb),
            allow_abbrev=False, formatter_class=_Formatter,
        )  # fmt: skip
        if verb != chosen:
            continue
        if verb != "processor":
            verb_parser.add_argument("target", nargs="?", metavar="TARGET", help=_TARGET)
        for row in table.options(verb):
            action = "append" if row.metadata["many"] else "store"
            help_text = f"{row.metadata['doc']} [{', '.join(table.variables(row))}]".replace("%", "%%")
            verb_parser.add_argument(
                table.flag(row), dest=row.name, action=action, metavar=row.metadata["metavar"], help=help_text
            )
        for name, options in _EXTRA.get(verb, {}).items():
            verb_parser.add_argument("--" + name.replace("_", "-"), dest=name, **options)
    return parser


def _install_builder() -> str:
    from .common.install_hint import format_install_command

    return format_install_command("build")


def _others(chosen: str) -> str | None:
    """What else there is, for the help of the command itself: the listings, and what other packages bring."""
    if chosen not in ("", "-h", "--help"):
        return None
    from importlib.metadata import entry_points

    brought = sorted({entry.name for entry in entry_points(group="ovenbird.commands")} - {"container"})
    return f"Also, each with a --help of its own: {', '.join((*brought, *_LISTINGS))}."


def _spelled_out(argv: list[str]) -> list[str]:
    """`--debug` as `--debug=true`, `--no-access-log` as `--access-log=false`, `--access-log off` as one word."""
    switches = {
        table.flag(row) for verb in _VERBS for row in table.options(verb) if row.metadata["parse"] is table.boolean
    }
    words: list[str] = []
    rest = iter(range(len(argv)))
    for index in rest:
        word = argv[index]
        if word.startswith("--no-") and "--" + word[5:] in switches:
            words.append(f"--{word[5:]}=false")
        elif word in switches:
            following = argv[index + 1] if index + 1 < len(argv) else ""
            try:
                words.append(f"{word}={table.boolean(following)}")
                next(rest)
            except ValueError:
                words.append(f"{word}=true")
        else:
            words.append(word)
    return words


def _age() -> float:
    """Seconds since this process was started, its interpreter's start included; 0 where the system does not tell."""
    try:
        ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
        return max(0.0, float(Path("/proc/uptime").read_text().split()[0]) - ticks / os.sysconf("SC_CLK_TCK"))
    except (OSError, ValueError, IndexError):
        return 0.0


def _terminated(_: int, __: FrameType | None) -> None:
    """SIGTERM before anything listens for it: as process 1 the default would be to ignore it."""
    end_process(_STOPPED)
