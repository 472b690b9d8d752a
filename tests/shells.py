"""Real shells that complete a line of `ovenbird`, with the script that it prints."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

_PATIENCE = 60.0  # seconds; only a broken shell takes so long
_ASK_BASH = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_ovenbird 2>&1
printf '%s\\n' "${COMPREPLY[@]}"
"""


def write_script(shell: str, folder: Path) -> Path:
    """Write what `ovenbird completion SHELL` prints; its path."""
    path = folder / f"completion.{shell}"
    process = subprocess.run([sys.executable, "-m", "ovenbird", "completion", shell], capture_output=True, check=True)
    path.write_bytes(process.stdout)
    return path


def complete_in_bash(script: Path, *words: str, cwd: Path | None = None) -> set[str]:
    """Return what bash offers for the last word."""
    argv = ["bash", "--norc", "-c", _ASK_BASH, "bash", str(script), *words]
    return set(subprocess.run(argv, capture_output=True, text=True, check=True, cwd=cwd).stdout.split("\n")) - {""}


def complete_in_fish(script: Path, line: str, cwd: Path | None = None) -> set[str]:
    """Return what fish offers for a line, without the descriptions."""
    argv = ["fish", "--no-config", "-c", f"source {script}; complete -C {line!r}"]
    lines = subprocess.run(argv, capture_output=True, text=True, check=True, cwd=cwd, env=_env(cwd)).stdout.split("\n")
    return {text.partition("\t")[0] for text in lines} - {""}


def complete_in_zsh(script: Path, line: str, expected: str, cwd: Path) -> str:
    """Type a line and the tab key in an interactive zsh; what it has shown by the time that `expected` is there."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(cwd)
        os.execvpe("zsh", ["zsh", "-f", "-i"], {**_env(cwd), "TERM": "dumb", "COLUMNS": "200", "LINES": "200"})
    try:
        _type(
            terminal, f"PS1='> '; unsetopt beep; autoload -Uz compinit; compinit -u -D; source {script}; echo re''ady\r"
        )
        _read(terminal, "ready")
        _type(terminal, f"{line}\t")
        return _read(terminal, expected)
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
        os.close(terminal)


def _type(terminal: int, text: str) -> None:
    os.write(terminal, text.encode())


def _read(terminal: int, expected: str) -> str:
    text, end = "", time.monotonic() + _PATIENCE
    while expected not in text and time.monotonic() < end:
        if select.select([terminal], [], [], 0.2)[0]:
            text += os.read(terminal, 65536).decode(errors="replace")
    assert expected in text, text
    return text


def _env(home: Path | None) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(home or "/nonexistent"), "LANG": "C.UTF-8"}
