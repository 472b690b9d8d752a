"""The templates of a service: the one that workers are forked from, its successor, and those whose workers still serve.

A new template takes the place of the current one only when it is ready. One whose module cannot be shared by forks is
given up: the supervisor then forks workers from itself, which import the module on their own.
"""

from __future__ import annotations

import contextlib
import logging
import select
import signal
import socket
from collections.abc import Callable, Iterator
from time import monotonic

from ...settings import Settings
from .process_ends import REPORTED, STABLE, back_off, format_restart
from .template_process import TemplateProcess, TemplateState

_log = logging.getLogger("ovenbird")
HINT = "hint: see `--preload`, or the variable `OVENBIRD_PRELOAD`"


class Preloader:
    """Starts templates and has workers forked by them. `is_active` is false while workers import on their own.

    `spawn` forks a template process that gets a control socket and closes its copy of the other end, and returns its
    number.
    """

    def __init__(
        self, settings: Settings, poll: select.poll, spawn: Callable[[socket.socket, socket.socket], int],
        report_late_init: Callable[[], int],
    ) -> None:  # fmt: skip
        self.is_active = settings.preload != "off"
        self.current: TemplateProcess | None = None
        self.upcoming: TemplateProcess | None = None
        self._is_wanted = self.is_active
        self._is_forgiving = settings.reload  # --reload: a failed template is tried again at the next change
        self._is_reloading = False  # whether the workers are to be replaced when the next template is ready
        self._failures = 0
        self._former: list[TemplateProcess] = []
        self._init_limit = settings.init_timeout
        self._poll, self._spawn, self._report_late_init = poll, spawn, report_late_init
        self.due: float | None = None  # when to start the next template

    @property
    def is_waiting(self) -> bool:
        """Return whether no worker can be started now: it has to be forked by a template that is not ready yet."""
        return self.is_active and self.current is None

    def list_templates(self) -> Iterator[TemplateProcess]:
        """Yield all templates."""
        yield from (template for template in (self.current, self.upcoming) if template is not None)
        yield from self._former

    def find(self, descriptor: int) -> TemplateProcess | None:
        """Return the template with this control socket."""
        return next((item for item in self.list_templates() if item.link.fileno() == descriptor), None)

    def start(self) -> None:
        """Start a new template. One that is still loading makes room for it."""
        if self.upcoming is not None:
            self._discard(self.upcoming)
        self.is_active, self.due = self._is_wanted, None
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        pid = self._spawn(theirs, ours)
        theirs.close()
        self._poll.register(ours, select.POLLIN)
        self.upcoming = TemplateProcess(pid, ours)

    def reload(self) -> bool:
        """Start a new template, whose workers replace those that serve. Return False if none is wanted."""
        if self._is_wanted:
            self._is_reloading = True
            self.start()
        return self._is_wanted

    def take_reload(self) -> bool:
        """Return, once, whether the workers are to be replaced now."""
        is_due = self._is_reloading and not self.is_waiting and self.upcoming is None
        self._is_reloading &= not is_due
        return is_due

    def receive(self, template: TemplateProcess) -> bool:
        """Read a report. Return whether the template is the current one since then."""
        try:
            template.receive()
        except (OSError, EOFError):
            self._poll.unregister(template.link)  # it has ended, or is about to
            return False
        if template is not self.upcoming or template.state is not TemplateState.READY:
            return False
        if self.current is not None:
            self._former.append(self.current)
        self.current, self.upcoming, self._failures = template, None, 0
        return True

    def give_up(self) -> None:
        """Let workers import on their own, until a new template is started."""
        self.is_active, self.due = False, None
        if self.upcoming is not None:
            self._discard(self.upcoming)
            self.upcoming = None
        if self.current is not None:
            self._former.append(self.current)
            self.current = None

    def remove(self, pid: int) -> tuple[TemplateProcess, bool] | None:
        """Forget a process that has ended. Return its template, and whether it was the current or the upcoming one."""
        template = next((item for item in self.list_templates() if item.pid == pid), None)
        if template is None:
            return None
        with contextlib.suppress(OSError, EOFError):  # what it has reported before it ended
            while True:
                template.receive(socket.MSG_DONTWAIT)
        self._close(template)
        if template in self._former:
            self._former.remove(template)
            return template, False
        if template is self.current:
            self.current = None
        else:
            self.upcoming = None
        return template, True

    def handle_end(self, template: TemplateProcess, code: int, why: str, *, was_ready: bool) -> bool:
        """Handle the unexpected end of a template: start another one where it is of use, else do without.

        Return True if the service has to end. `was_ready`: a worker was ready once.
        """
        if template.state is TemplateState.REFUSING:
            _log.warning(
                "served without preload: a fork after the import of the function is not safe, as it leaves %s; %s",
                ", ".join(template.hazards), HINT,
            )  # fmt: skip
            self.give_up()
            return False
        if template.state is not TemplateState.READY:
            if self._is_forgiving:
                _log.warning("the template %s; waiting for a change", why)
                self._is_reloading = False
                return False
            if not was_ready:
                if code not in REPORTED:
                    _log.error("the template %s before it was ready", why)
                return True
            if self._is_reloading and self.current is not None:
                _log.error("the new template %s; the workers of the former one serve on", why)
                self._is_reloading = False
                return False
        self._failures = 0 if monotonic() - template.started > STABLE else self._failures + 1
        pause = back_off(self._failures)
        _log.error(format_restart(f"the template (process {template.pid}) {why}", pause))
        self.due = monotonic() + pause
        return False

    def close_unused(self, used: set[int]) -> None:
        """End former templates none of whose workers lives; `used` are the numbers of templates with workers."""
        for template in self._former:
            if template.pid not in used:
                self._close(template)

    def close_all(self) -> None:
        """End all templates, whose workers have ended."""
        self.due = None
        for template in self.list_templates():
            self._close(template)

    def send(self, number: int) -> None:
        """Forward a signal to a template that is still loading; SIGKILL goes to all."""
        for template in self.list_templates():
            if number == signal.SIGKILL:
                template.kill()
            elif template is self.upcoming:
                template.send_signal(number)

    def end_late_init(self) -> None:
        """End a template whose `init` exceeds its time limit, and report the error."""
        template = self.upcoming
        if template is not None and self.deadline is not None and monotonic() >= self.deadline:
            template.kill()
            template.failure = self._report_late_init()

    @property
    def deadline(self) -> float | None:
        """Return when the `init` of the upcoming template has to be done; None without a limit."""
        template = self.upcoming
        if template is None or not self._init_limit or template.failure:
            return None
        return template.since + self._init_limit if template.state is TemplateState.INITIALISING else None

    def _close(self, template: TemplateProcess) -> None:
        if template.link.fileno() >= 0:
            with contextlib.suppress(KeyError):  # it has closed its end already
                self._poll.unregister(template.link)
            template.link.close()

    def _discard(self, template: TemplateProcess) -> None:
        """End a template that was not used."""
        self._close(template)
        template.kill()
        self._former.append(template)
