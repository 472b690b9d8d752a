"""Progress output: one line per event, without secrets and control characters."""

from __future__ import annotations

import io

from ovenbird_builder.host.progress import Live, Progress, make_progress


class Terminal(io.StringIO):
    """A stream that claims to be a terminal."""

    def isatty(self) -> bool:
        return True


def test_plain_lines_hide_secrets_and_controls() -> None:
    """The output of a step is not trusted."""
    out = io.StringIO()
    progress = make_progress(out, ("hunter2hunter2",))
    with progress.stage("push registry"):
        progress.print_line("the token is hunter2hunter2\x1b[2J\x07")
    assert out.getvalue().splitlines()[:2] == ["> push registry", "  | the token is ***2J"]
    assert "\x1b" not in out.getvalue()


def test_a_terminal_shows_the_current_stage_and_keeps_the_lines() -> None:
    """Its stages end with their time; nothing is left of the live part but that."""
    out = Terminal()
    progress = make_progress(out, ("hunter2hunter2",))
    progress.say("before")
    with progress.stage("lock hunter2hunter2"):
        progress.print_line("inner [bold]not markup[/bold]")
    progress.close()
    text = out.getvalue()
    assert text.startswith("before\n")
    assert "inner [bold]not markup[/bold]" in text
    assert "hunter2" not in text
    assert "lock ***" in text


def test_the_outcome_of_a_stage_is_shown_at_its_end() -> None:
    """With its time, however short it was."""
    out = io.StringIO()
    progress = make_progress(out, ())
    with progress.stage("download 2 pins") as ended:
        assert out.getvalue() == "> download 2 pins\n"
        ended("2 wheels, 1.5 MB")
    assert out.getvalue().splitlines()[1] == "  2 wheels, 1.5 MB, 0.0 s"
    live = Terminal()
    with make_progress(live, ()).stage("download 2 pins") as ended:
        ended("2 wheels, 1.5 MB")
    assert "download 2 pins 2 wheels, 1.5 MB, 0.0 s" in live.getvalue()


def test_stages_may_be_nested() -> None:
    """The outer one is shown again when the inner one ends."""
    out = Terminal()
    progress = Live(out)
    with progress.stage("outer"), progress.stage("inner"):
        progress.say("line")
    progress.close()
    assert out.getvalue().index("inner") < out.getvalue().rindex("outer")


def test_a_closed_stream_does_not_end_the_build() -> None:
    """The build goes on without one."""
    out = io.StringIO()
    out.close()
    Progress(out).say("hello")
