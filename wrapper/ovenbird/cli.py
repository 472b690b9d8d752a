"""argv -> one verb. The only place that prints for people and exits."""

from __future__ import annotations

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
from .command_line.verb_parser import EXTRA, VERBS, CommandParser, build_parser, spell_out
from .common.interrupts import INTERRUPTED, end_on_interrupt, raise_on_interrupt
from .common.process_exit import end_process
from .common.std_streams import STDOUT, flush_stdout, guard_streams, open_closed_streams
from .common.text import escape_controls, is_unicode, show_value
from .errors import OvenbirdError, SettingsError, StdoutError

if TYPE_CHECKING:
    from .function.target import Target
    from .logging_config import LogHandler
    from .serve.handler_adapter import HandlerAdapter

_STOPPED = 143
_IMAGE = Path("/opt/ovenbird")  # where an image of ours has the runtime, and the function document that was built in


class _Advice:
    """Help and advice, each imported when it is printed."""

    def describe_command(self) -> str:
        from .command_line.overview import describe_command

        return describe_command()

    def complete_help(self, parser: CommandParser) -> None:
        from .command_line.verb_help import complete_help

        complete_help(parser)

    def explain_error(self, parser: CommandParser, message: str) -> str:
        from .command_line.usage import explain_error

        return explain_error(parser, message)


CommandParser.advice = _Advice()


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run one verb and end the process with its exit status."""
    signal.signal(signal.SIGTERM, _terminated)
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
    """Run one verb with streams that can be written to; the exit status. Errors: OSError of stdout and of the rest."""
    closed = open_closed_streams()
    if _runs_user_code(words):  # which goes on without its streams: what it prints is not what it is run for
        return run(words)
    guard_streams()
    if closed and words[:1] not in (["health"], ["container"]):
        return report(StdoutError("stdout is closed", hint="`> /dev/null` drops what is printed"))
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
    """Tell an error of the system that no verb has told; the exit status.

    `guarded`: an error of stdout names it. Whoever reads a pipe may have seen enough (`ovenbird runs list | head`).
    """
    stdout = error.filename == STDOUT if guarded else isinstance(error, BrokenPipeError)
    if stdout and isinstance(error, BrokenPipeError):
        return 0
    reason = error.strerror or str(error)
    if stdout:
        return report(StdoutError(f"cannot write to stdout: {reason}"))
    place = f": {show_value(str(error.filename))}" if error.filename else ""
    if error.filename is None and _is_folder_gone():
        reason = "the current folder does not exist"
    trace = ""
    if os.environ.get("OVENBIRD_LOG_LEVEL", "").lower() == "debug":
        from traceback import format_exception

        trace = "".join(format_exception(error)).rstrip()
    return report(OvenbirdError(f"{reason}{place}", cause=trace))


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
    if argv and argv[0] == "help":
        argv = [*argv[1:], "--help"]
    if argv[:1] == ["run"] and argv[1:2] and argv[1] in _RECORD_VERBS and not Path(argv[1]).exists():
        noun = SettingsError(f"{show_value(argv[1])} is not a function to run", hint=f"`ovenbird runs {argv[1]}`")
        return report(noun)
    try:
        command = _command(argv[0] if argv else "")
        if command is None:
            _refuse_unknown_verb(argv)
            return _run_own(argv)
        if argv[0] not in _QUIET:
            _warn_of_variables(_print_warning)
        return command(argv)
    except OvenbirdError as error:
        return report(error)
    except ModuleNotFoundError as error:  # an extra that was not installed
        if argv[0] in (*_LISTINGS, *VERBS) or (error.name or "").partition(".")[0] in sys.modules:
            raise
        missing = f"{show_value(argv[0])} needs the package {show_value(error.name)}"
        return report(SettingsError(missing, hint=_install_builder()))


def _run_own(argv: list[str]) -> int:
    """Run a verb that has its flags from the table of settings; the exit status."""
    parser = build_parser(argv[0] if argv else "")
    try:
        options = vars(parser.parse_args(spell_out(argv)))
    except SystemExit as done:  # argparse has printed the help, or what is wrong
        return SettingsError.exit_code if done.code else 0
    verb = options.pop("verb")
    lines: LogHandler | None = None
    try:
        target, extra = options.pop("target", None), {key: options.pop(key) for key in EXTRA.get(verb, {})}
        env_file = options.get("env_file") or os.environ.get("OVENBIRD_ENV_FILE")
        names = _load_env_file(env_file) if env_file and "env_file" in options else ()
        settings = table.resolve(verb, options, os.environ)
        raise_on_interrupt()
        if settings.container:
            _warn_of_variables(_print_warning)
            return _contained(verb, target, {**options, "env": ",".join((*settings.env, *names)) or None})
        _refuse_container_flags(options)
        from .logging_config import configure

        lines = configure(settings.log_format, settings.log_level)
        _warn_of_variables(_log_warning)
        if verb == "processor":
            return _processor(settings, table.given(verb, options, os.environ), lines, extra)
        extra["find"] = lambda: _target(target, settings)
        extra["target"] = target
        extra["name"] = target or os.environ.get("OVENBIRD_TARGET") or "."
        if verb in ("run", "serve") and not target and _named_by_platform(settings):
            return (_run if verb == "run" else _serve_named)(None, settings, lines, extra)
        return _DO[verb](extra["find"](), settings, lines, extra)
    except OvenbirdError as error:
        return report(error, lines, pod=True)


def _refuse_container_flags(options: dict[str, Any]) -> None:
    """Raise SettingsError for a flag that says something of a container where none is asked for."""
    for name in ("image", "engine", "env"):
        if options.get(name) is not None:
            raise SettingsError(
                f"--{name} without --container: the function runs here, in no container",
                hint=f"add `--container`, or leave out `--{name}`",
            )


def _load_env_file(path: str) -> tuple[str, ...]:
    """Set the variables of a file that the environment does not set; the names of those that are for the function."""
    from .command_line.env_file import read_env_file

    values = read_env_file(path, os.environ)
    for name, value in values.items():
        os.environ.setdefault(name, value)
    return tuple(name for name in values if not name.startswith("OVENBIRD_"))


def _print_warning(text: str) -> None:
    with contextlib.suppress(OSError):  # stderr may be full
        sys.stderr.write(f"warning: {text}\n")


def _log_warning(text: str) -> None:
    import logging  # what a listing and a health check do without

    logging.getLogger("ovenbird").warning("%s", text)


def _warn_of_variables(warn: Callable[[str], object]) -> None:
    """Warn of variables that are near to one of ours and are none."""
    if unknown := table.unknown_variables(os.environ):
        from .command_line.variables import describe_misspelled

        for text in describe_misspelled(unknown, os.environ):
            warn(text)


def _command(verb: str) -> Callable[[list[str]], int] | None:
    """What parses its own flags: a listing, the health check, or a verb that another package brings (the builder's
    `build`, `base`, ...) by its entry point; None for the rest.
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

    found = list(entry_points(group="ovenbird.commands", name=verb))
    loaded: Callable[[list[str]], int] | None = found[0].load() if found else None
    return loaded


def _refuse_unknown_verb(argv: list[str]) -> None:
    """Raise SettingsError for a verb that neither this package nor another one has."""
    if argv and argv[0] not in VERBS and not argv[0].startswith("-"):
        from .command_line.usage import unknown_verb

        raise unknown_verb(argv[0])


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


def report(error: OvenbirdError, lines: LogHandler | None = None, *, pod: bool = False) -> int:
    """Tell an error: one JSON record where the log is JSON, else text for people. The exit status.

    `pod`: it is why a pod fails, and so the container's termination message too.
    """
    if _is_folder_gone():
        error.hint = _FOLDER_GONE
    if pod:
        _terminate(error)
    from .logging_config import is_for_people, json_line, text_line

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


def _is_folder_gone() -> bool:
    """Return whether the current folder was removed: then every relative path names nothing."""
    try:
        os.getcwd()  # noqa: PTH109  # pathlib's says the same, and makes a path of it
    except OSError:
        return True
    return False


def _terminate(error: OvenbirdError) -> None:
    from .common.termination_log import write_termination_message

    write_termination_message(error.code, str(error), error.cause)


def _serve(target: Target, settings: table.Settings, lines: LogHandler, extra: dict[str, Any]) -> int:
    from .serve.service import ServiceHooks, serve

    project = _project(target, settings)
    host = ServiceHooks(
        lines, extra["find"], lambda error: report(error, lines, pod=True), end_process, _age(), project
    )
    return serve(target, settings, host)


def _processor(settings: table.Settings, given: frozenset[str], lines: LogHandler, extra: dict[str, Any]) -> int:
    from .processor.entrypoint import processor

    def serve(target: Target, settings: table.Settings, dialect: HandlerAdapter) -> int:
        from .serve import service

        host = service.ServiceHooks(
            lines,
            lambda: target,
            lambda error: report(error, lines, pod=True),
            end_process,
            _age(),
            _project(target, settings),
            dialect,
        )
        return service.serve(target, settings, host)

    return processor(extra["config"], extra["platform_config"], settings, given, serve, os.environ)


def _check(target: Target, settings: table.Settings, _: LogHandler, extra: dict[str, Any]) -> int:
    from .commands.invoke import check

    if settings.strict and target.function:
        named = extra["target"] or os.environ.get("OVENBIRD_TARGET") or settings.source or "."
        _check_for_build(named, settings.source)
    return check(target, settings, extra["name"], as_json=extra["json"])


def _check_for_build(target: str, source: str) -> None:
    """Raise DocumentError for a document that a build would refuse; where no builder is installed, say so."""
    builder = _command("build")
    try:
        if builder:
            builder(["check", target, *([f"--source={source}"] if source else [])])
            return
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in sys.modules:
            raise
    _log_warning(
        f"--strict: what a build would refuse is not checked, as no builder is installed: {_install_builder()}"
    )


def _invoke(target: Target, settings: table.Settings, lines: LogHandler, extra: dict[str, Any]) -> int:
    from .commands.invoke import invoke

    return invoke(target, settings, lines, extra, _project(target, settings))


def _named_by_platform(settings: table.Settings) -> bool:
    """Whether the run that the platform has started says itself what is to be run."""
    if not os.environ.get("RUN_ID") or os.environ.get("OVENBIRD_TARGET"):
        return False
    from .job.entrypoint import is_remote

    return is_remote(settings, os.environ)


def _serve_named(_: None, settings: table.Settings, lines: LogHandler, extra: dict[str, Any]) -> int:
    """Serve the function that the platform's run names, with the parameters of its init."""
    from .job.platform_run import service

    target, settings = service(settings, os.environ)
    return _serve(target, settings, lines, {**extra, "find": lambda: target})


def _run(target: Target | None, settings: table.Settings, _: LogHandler, extra: dict[str, Any]) -> int:
    if os.getpid() == 1:
        from .common.first_process import leave_first_process

        leave_first_process()
    from .job.entrypoint import run

    launch = {}
    with contextlib.suppress(OSError):  # a folder that is gone: such a run cannot be run again
        named = extra["name"] if extra["name"] != "." else settings.source or "."
        launch = {"target": named, "source": settings.source, "folder": str(Path.cwd())}
    return run(target, settings, os.environ, launch)


def _project(target: Target, settings: table.Settings) -> Callable[[], Any]:
    """What opens the project of a service, when its function asks for it."""

    def opened() -> Any:
        from .platform.project.project import Project, resolve_project_name
        from .platform.store_factory import open_store

        name = resolve_project_name(settings.project, os.environ, target.function.project if target.function else "")
        return Project(open_store(settings.platform, os.environ, settings.platform_patience), name, os.environ)

    return opened


def _target(text: str | None, settings: table.Settings) -> Target:
    from .function.target import parse, unnamed
    from .function_document import refuse_unknown_fields

    named = text or os.environ.get("OVENBIRD_TARGET") or settings.source
    try:
        target = parse(named or unnamed(Path(), _IMAGE), settings.source)
    except OvenbirdError as error:
        if named and not text and error.message.startswith(show_value(named)):
            origin = "OVENBIRD_TARGET" if os.environ.get("OVENBIRD_TARGET") else "--source or OVENBIRD_SOURCE"
            raise type(error)(f"{origin}: {error.message}", hint=error.hint) from None
        raise
    if target.function and target.function.unknown:
        if settings.strict:
            refuse_unknown_fields(target.function)
        for problem in target.function.unknown:
            _log_warning(f"function document: {problem}")
    return target


_FOLDER_GONE = "the current folder was removed: change to one that is there"
_DO = {"serve": _serve, "check": _check, "invoke": _invoke, "run": _run}
_RECORD_VERBS = ("list", "ls", "show", "get", "rm", "logs", "tag", "compare", "rerun")
_QUIET = ("health", "completion", "container")  # asked every few seconds; read by a shell; called by another verb
_LISTINGS = ("runs", "dataitems", "artifacts", "models", "functions", "lineage", "store")


def _install_builder() -> str:
    from .common.install_hint import format_install_command

    return format_install_command("build")


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
