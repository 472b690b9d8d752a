"""`ovenbird completion SHELL`, in the shells themselves."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.shells import complete_in_bash, complete_in_fish, complete_in_zsh, write_script

from ovenbird.commands.completion import find_places

# words of a line -> some of what is offered for the last one, and some of what is not
CASES: list[tuple[tuple[str, ...], set[str], set[str]]] = [
    (("",), {"serve", "run", "build", "runs", "completion", "init", "help"}, {"container", "list"}),
    (("ser",), {"serve"}, {"run"}),
    (("--v",), {"--version"}, {"--help"}),
    (("runs", ""), {"list", "show", "compare", "rerun"}, {"serve"}),
    (("runs", "list", "--st"), {"--state"}, {"--json"}),
    (("run", "--log-level", ""), {"debug", "info", "warning", "error"}, {"--param"}),
    (("run", "--par"), {"--param", "--params"}, {"--port"}),
    (("serve", "--no-acc"), {"--no-access-log"}, set()),
    (("build", "--locker", "u"), {"uv"}, {"pip-tools"}),
    (("build", "--pu"), {"--push"}, set()),
    (("base", "build", "3.12", "--form"), {"--format"}, set()),
    (("completion", ""), {"bash", "zsh", "fish"}, set()),
    (("help", "mani"), {"manifests"}, set()),
    (("serve", "ma"), {"main.py"}, {"serve"}),
    (("run", "--params", "ma"), {"main.py"}, set()),
    (("init", "sub"), {"subfolder"}, set()),
]
IDS = [" ".join(words) or "nothing" for words, _, _ in CASES]


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Write the three scripts, with a file and a folder to complete."""
    folder = tmp_path_factory.mktemp("completion")
    (folder / "main.py").touch()
    (folder / "subfolder").mkdir()
    return {shell: write_script(shell, folder) for shell in ("bash", "zsh", "fish")}


@pytest.mark.slow
@pytest.mark.parametrize(("words", "offered", "other"), CASES, ids=IDS)
def test_bash(scripts: dict[str, Path], words: tuple[str, ...], offered: set[str], other: set[str]) -> None:
    """Verbs, verbs below them, flags, words that a flag takes, files: in bash without any other package."""
    result = complete_in_bash(scripts["bash"], "ovenbird", *words, cwd=scripts["bash"].parent)
    assert offered <= result
    assert not other & result


@pytest.mark.slow
@pytest.mark.parametrize(("words", "offered", "other"), CASES, ids=IDS)
def test_fish(scripts: dict[str, Path], words: tuple[str, ...], offered: set[str], other: set[str]) -> None:
    """The same in fish."""
    line = " ".join(("ovenbird", *words))
    result = {word.removesuffix("/") for word in complete_in_fish(scripts["fish"], line, cwd=scripts["fish"].parent)}
    assert offered <= result
    assert not other & result


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("ovenbird manif", "manifests"),
        ("ovenbird runs ", "compare"),
        ("ovenbird run --log-le", "--log-level"),
        ("ovenbird run --log-level w", "warning"),
        ("ovenbird build --locker=u", "--locker=uv"),
        ("ovenbird serve ma", "main.py"),
        ("ovenbird init sub", "subfolder"),
        ("ovenbird runs rer", "rerun"),
    ],
)
def test_zsh(scripts: dict[str, Path], line: str, expected: str) -> None:
    """The same in an interactive zsh, by its own tab key."""
    complete_in_zsh(scripts["zsh"], line, expected, scripts["zsh"].parent)


@pytest.mark.slow
def test_bash_completes_after_an_equals_sign(scripts: dict[str, Path]) -> None:
    """Where `=` breaks words, as bash has it by default."""
    for words in (("--log-level", "="), ("--log-level", "=", "w")):
        assert "warning" in complete_in_bash(scripts["bash"], "ovenbird", "run", *words)


def test_what_a_flag_takes_is_not_a_verb(scripts: dict[str, Path]) -> None:
    """A value that no list knows is left to whoever types, and a verb's name as a value opens nothing."""
    assert complete_in_bash(scripts["bash"], "ovenbird", "run", "--name", "") == set()
    assert "--param" in complete_in_bash(scripts["bash"], "ovenbird", "run", "--name", "list", "--")


def test_every_verb_and_flag_has_a_completion() -> None:
    """No flag of any verb is left out, those of the builder included."""
    flags_by_command = {
        command.words: {name for flag in command.flags for name in flag.names} for command in find_places()
    }
    assert {"--push", "--no-push", "--tag", "--strict"} <= flags_by_command["build"]
    assert {"--host", "--reload", "--no-reload"} <= flags_by_command["serve"]
    assert {"-f", "--follow"} <= flags_by_command["runs logs"]
    assert {"", "help", "base lock", "cache prune", "lineage", "health", "processor", "init"} <= flags_by_command.keys()


def test_an_unknown_shell_is_refused() -> None:
    """With exit status 70, as for any wrong word, and what was meant."""
    command = [sys.executable, "-m", "ovenbird", "completion", "bsh"]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (process.returncode, process.stdout) == (70, "")
    assert process.stderr.endswith("hint: did you mean 'bash'?\n")
