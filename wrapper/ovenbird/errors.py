"""Errors that people and scripts see: one base class, and a stable code and an exit status on each."""

from __future__ import annotations

from .common.text import cut_text, escape_controls

_LINE = 4000  # characters of a line in a message; every value in it has been cut before, see `show_value`


class OvenbirdError(Exception):
    """What went wrong, where, and what to do about it.

    `code` is a stable, machine-readable name; `exit_code` the status of the process when nothing catches the error.
    `message` names the thing, the value and what was found; `hint` says what to do.
    `cause` is a traceback of the user's code, already cut of Ovenbird's own frames.
    """

    code = "error"
    exit_code = 1

    def __init__(self, message: str, *, hint: str = "", cause: str = "") -> None:
        if "://" in message:
            from .common.redact import redact_text  # few errors need it, and its patterns slow down a start

            message = redact_text(message)
        message, hint = _escape_text(message), _escape_text(hint)
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.cause = cause

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


def _escape_text(text: str) -> str:
    """Return the text with control characters escaped and long lines cut: it may come from a library or a server."""
    if text.isprintable() and len(text) <= _LINE:
        return text
    return "\n".join(cut_text(escape_controls(line), _LINE) for line in text.split("\n"))


class SettingsError(OvenbirdError):
    """A flag or an environment variable does not parse, or what it requests is not available."""

    code = "settings"
    exit_code = 70


class DocumentError(OvenbirdError):
    """The function document is malformed; every problem is listed, each with its field."""

    code = "document"
    exit_code = 71

    def __init__(self, message: str, *, problems: tuple[str, ...] = (), hint: str = "") -> None:
        super().__init__("\n  ".join((message, *problems)) if problems else message, hint=hint)
        self.problems = problems


class LoadError(OvenbirdError):
    """The handler could not be loaded; the subclasses say why."""

    code = "load"
    exit_code = 72


class ModuleMissingError(LoadError):
    """The file or module that the target names does not exist."""

    code = "load.module_missing"


class ModuleFailedError(LoadError):
    """The user's module exists and raised while it was imported."""

    code = "load.module_failed"


class AttributeMissingError(LoadError):
    """The module was imported and has no such attribute."""

    code = "load.attribute_missing"


class NotCallableError(LoadError):
    """The attribute exists and cannot be called."""

    code = "load.not_callable"


class ModuleShadowedError(LoadError):
    """A file of the user's hides a module that Python or Ovenbird needs."""

    code = "load.shadow"


class SignatureError(LoadError):
    """The handler's parameters or hints cannot be bound."""

    code = "load.signature"


class UnsupportedRunError(LoadError):
    """A run of the platform needs the module that the platform renders for it."""

    code = "load.unserved"


class SourceUrlError(LoadError):
    """The URL of a source is malformed."""

    code = "load.address"


class UnsafeSourceUrlError(SourceUrlError):
    """The URL of a source could be read as something else: an option, a command, another host."""

    code = "load.address.unsafe"


class GitRefNotFoundError(SourceUrlError):
    """The repository has no such branch, tag or commit."""

    code = "load.address.ref"


class CaptureError(LoadError):
    """A function cannot be written as the text of a module.

    `name` is what cannot be captured, `line` where it is used or defined, in its file or cell; 0 when that is unknown.
    """

    code = "load.capture"

    def __init__(self, message: str, *, name: str = "", line: int = 0, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.name = name
        self.line = line


class InitError(OvenbirdError):
    """`init` (or a class's constructor) raised, exceeded its time limit, or has other parameters."""

    code = "init"
    exit_code = 73


class HandlerError(OvenbirdError):
    """The handler raised."""

    code = "handler"
    exit_code = 74


class HandlerTimeoutError(OvenbirdError):
    """The handler exceeded its time limit and was stopped."""

    code = "time_limit"
    exit_code = 75


class RunFailedError(OvenbirdError):
    """A run has ended in another state than COMPLETED: `run` is that run.

    `cause` is the traceback of the user's code; `exit_code` is the exit status of the run.
    """

    code = "run_failed"
    exit_code = 74

    def __init__(
        self, message: str, *, run: object = None, exit_code: int = 74, hint: str = "", cause: str = ""
    ) -> None:
        super().__init__(message, hint=hint, cause=cause)
        self.run = run
        self.exit_code = exit_code


class WaitTimeoutError(OvenbirdError, TimeoutError):
    """A run had not ended when the time to wait for it was over. It goes on."""

    code = "wait_timeout"
    exit_code = 75


class PlatformError(OvenbirdError):
    """The platform could not be reached, or refused."""

    code = "platform"
    exit_code = 76


class PlatformUnreachableError(PlatformError):
    """The platform does not answer: it is down, its address is wrong, or the network is down."""

    code = "platform.unreachable"


class PlatformAuthError(PlatformError):
    """The platform denies access: the credentials are missing, wrong, expired or insufficient."""

    code = "platform.denied"


class PlatformResponseError(PlatformError):
    """The platform sent an unexpected response.

    `status` is the HTTP status, 0 if no response arrived. `repeated`: the request was retried, so an earlier attempt
    may have succeeded.
    """

    code = "platform.refused"

    def __init__(self, message: str, *, status: int = 0, repeated: bool = False, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.repeated = repeated


class UnsupportedRunKindError(PlatformError):
    """The run of the platform is of a kind that cannot be run here."""

    code = "platform.run_kind"


class RunUnrecordedError(PlatformError):
    """A run has ended, and the shared store did not take its end: its record is in a file of this machine."""

    code = "platform.unrecorded"
    exit_code = 80


class PlatformOnlyError(PlatformError, AttributeError):
    """Only the platform can do this: a name of its SDK, such as `share`, that has no meaning without it."""

    code = "platform.only"


class ArgumentsError(OvenbirdError):
    """The arguments do not fit the handler."""

    code = "arguments"
    exit_code = 77


class InputError(OvenbirdError):
    """An input could not be found or read."""

    code = "input"
    exit_code = 78


class OutputError(OvenbirdError):
    """An output could not be stored."""

    code = "output"
    exit_code = 79


class StdoutError(OutputError):
    """What a command prints could not be written to stdout: it is closed, or the disk behind it is full."""

    code = "output.stdout"
