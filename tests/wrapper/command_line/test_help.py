"""The help of the command and of each verb, with and without the packages of an extra."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import re
import shlex
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from tests import starts

import ovenbird.cli  # gives the parsers their help
from ovenbird.command_line.examples import EXAMPLES
from ovenbird.command_line.inner_parsers import find_sub_parsers, list_flags
from ovenbird.command_line.verb_help import GROUPS
from ovenbird.command_line.verb_parser import CommandParser, spell_out
from ovenbird.commands.advice.usage import unknown_verb_error
from ovenbird.commands.advice.verb_parsers import describe_verbs, find_parser, walk_parsers
from ovenbird.settings import Settings

VERBS = sorted(describe_verbs())
COMMANDS = sorted(parser.prog.removeprefix("ovenbird ") for verb in VERBS for parser in walk_parsers(find_parser(verb)))
ROOT = Path(__file__).parents[3]
MAIN = "import sys; sys.path[:0] = sys.argv[1].split(':'); from ovenbird.cli import main; main(sys.argv[2:])"


def ovenbird(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    env = {key: value for key, value in os.environ.items() if not key.startswith(("OVENBIRD_", "PORT", "COLUMNS"))}
    return starts.run(*words, env={**env, **environ})


@pytest.fixture(scope="module")
def bare_command(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The beginning of a command in an environment that holds what the runtime needs and no extra."""
    folder = tmp_path_factory.mktemp("bare")
    for name in ("msgspec", "yaml"):
        spec = importlib.util.find_spec(name)
        assert spec
        assert spec.origin
        (folder / name).symlink_to(Path(spec.origin).parent)
    distribution = importlib.metadata.distribution("ovenbird")
    (folder / "ovenbird-0.1.0.dist-info").symlink_to(distribution._path)  # type: ignore[attr-defined]
    search_path = f"{folder}:{ROOT / 'wrapper'}:{ROOT / 'builder'}:{ROOT / 'console'}"
    return [sys.executable, "-I", "-S", "-c", MAIN, search_path]


def find_command(command: str) -> CommandParser:
    """The parser of a verb, or of one below it."""
    verb, *inner = command.split()
    parser = find_parser(verb)
    for word in inner:
        parser = find_sub_parsers(parser)[word]
    return parser


@pytest.mark.slow
def test_the_overview_describes_every_verb() -> None:
    """Each verb has one line below the heading of its group."""
    process = ovenbird("--help")
    assert (process.returncode, process.stderr) == (0, "")
    for verb, text in describe_verbs().items():
        assert text
        assert re.findall(rf"^  {verb} +{re.escape(text)}$", process.stdout, re.MULTILINE), verb
    assert ovenbird("help").stdout == process.stdout


def test_the_overview_says_how_an_extra_is_had(bare_command: list[str]) -> None:
    """Verbs whose packages are missing are listed too, with the command that installs these."""
    process = subprocess.run([*bare_command, "--help"], capture_output=True, text=True, check=True)
    assert re.search(r"^  build +build the image", process.stdout, re.MULTILINE)
    assert re.search(r"\(build, lock, .*: after .*pip install .*\[build\]'\)", process.stdout)
    assert "after" not in ovenbird("--help").stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_each_verb_has_two_examples_that_parse(command: str) -> None:
    """The parser of the verb takes them: no flag in them is wrong or gone."""
    examples = EXAMPLES[command]
    assert len(examples) >= 2
    for example in examples:
        words = shlex.split(example.partition(" | ")[0].partition(" > ")[0].partition(" >> ")[0])
        assert words[0] == "ovenbird"
        assert " ".join(words).startswith(f"ovenbird {command.split(maxsplit=1)[0]}")
        verb, *rest = words[1:]
        find_parser(verb).parse_args(spell_out(rest) if verb in ("serve", "run", "check", "invoke") else rest)


@pytest.mark.parametrize("command", COMMANDS)
def test_each_help_shows_its_flags_and_examples(command: str) -> None:
    """Every flag stands there once as a line of its own, then the examples as they are to be pasted."""
    parser = find_command(command)
    names = [action.option_strings[0] for action in list_flags(parser)]
    text = parser.format_help()
    for name in names:
        assert len(re.findall(rf"^  (-\w, |-\w \w+, )?{name}\b(?!-)", text, re.MULTILINE)) == 1, name
    for example in EXAMPLES[command]:
        assert f"\n  {example}\n" in text
    assert parser.format_help() == text


@pytest.mark.slow
def test_help_has_groups_and_defaults() -> None:
    """A verb with many flags has groups with titles, and shows its defaults."""
    text = ovenbird("serve", "--help", COLUMNS="500").stdout
    for title in ("the listener:", "load and time limits:", "start and stop:"):
        assert f"\n{title}\n" in text
    for line in (
        r"--port N .*\(default: 8080\)",
        r"--timeout DURATION .*\(default: 300\)",
        r"--access-log .*\(default: on\)",
    ):
        assert re.search(line, text), line
    assert re.search(r"--grace DURATION .*\(default: 8\)", ovenbird("run", "--help", COLUMNS="500").stdout)
    built = ovenbird("build", "--help").stdout
    assert "\nwhat it depends on:\n" in built
    assert built.startswith("usage: ovenbird build [flags] [TARGET")


def test_every_setting_is_in_one_group() -> None:
    """A new row of the table gets a title in the help."""
    grouped = " ".join(GROUPS.values()).split()
    assert len(grouped) == len(set(grouped))
    assert {row.name for row in fields(Settings)} - set(grouped) == set()


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["build", "bundle", "lock", "base", "cache", "inspect", "rebase", "manifests"])
def test_help_without_an_extra_still_helps(bare_command: list[str], verb: str) -> None:
    """The same flags and examples, and at the end what is missing and how it is had; the verb itself says it too."""
    process = subprocess.run([*bare_command, verb, "--help"], capture_output=True, text=True, check=False)
    assert (process.returncode, process.stderr) == (0, "")
    for name in [action.option_strings[-1] for action in list_flags(find_parser(verb))]:
        assert name in process.stdout
    assert f"  {EXAMPLES[verb][0]}\n" in process.stdout


@pytest.mark.slow
def test_a_verb_without_its_extra_says_how_it_is_had(bare_command: list[str]) -> None:
    """Its help and its error say what to install; completion works without the extra."""
    text = subprocess.run([*bare_command, "build", "--help"], capture_output=True, text=True, check=True).stdout
    assert re.search(r"not installed here: .*\[build\]'", " ".join(text.split()))  # wrapped, where the path is long
    process = subprocess.run([*bare_command, "build"], capture_output=True, text=True, check=False)
    assert process.returncode == 70
    assert "needs the package" in process.stderr
    script = subprocess.run([*bare_command, "completion", "bash"], capture_output=True, text=True, check=True).stdout
    assert "--write-back" in script


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("serv", "main.py"), "did you mean `ovenbird serve`?"),
        (("bulid",), "did you mean `ovenbird build`?"),
        (("dataitem", "list"), "did you mean `ovenbird dataitems`?"),
        (("list",), "did you mean `ovenbird runs list`?"),
        (("run", "list"), "`ovenbird runs list`"),
        (("run", "logs", "latest"), "`ovenbird runs logs`"),
        (("main.py",), "`ovenbird run main.py` runs it, `ovenbird serve main.py` serves it"),
        (("xyzzy",), "`ovenbird --help` lists the verbs"),
        (("runs", "lst"), "did you mean 'list'?"),
        (("artifacts",), "one of list, show, get, rm"),
        (("runs", "show"), "`ovenbird runs show --help` lists what it takes"),
        (("version",), "`ovenbird --version` prints it"),
        (("runs", "remove", "x"), "did you mean 'rm'?"),
        (("cache", "purne"), "did you mean 'prune'?"),
        (("serve", "--concurency", "3"), "did you mean '--concurrency'?"),
        (("run", "main.py", "n=1"), "a parameter is given as `--param n=VALUE`"),
        (("run", "main.py", "1=2"), "`ovenbird run --help` lists what it takes"),
        (("serve", "main.py", "n=1"), "`ovenbird serve --help` lists what it takes"),
        (
            ("serve", "--param", "x=1"),
            "`--param` is a flag of `ovenbird run`, `ovenbird runs rerun`, `ovenbird manifests`",
        ),
        (("lock", "--strict"), "`--strict` is a flag of `ovenbird check`, `ovenbird build`, `ovenbird bundle`"),
        (
            ("lock", "--timeout=5"),
            "`--timeout` is a flag of `ovenbird serve`, `ovenbird run`, `ovenbird invoke`, "
            "`ovenbird processor`, `ovenbird runs rerun`, `ovenbird build`, `ovenbird bundle`",
        ),
        (("build", "--upgrade"), "`--upgrade` is a flag of `ovenbird lock`"),
        (("runs", "list", "--columm", "x"), "did you mean '--columns'?"),
        (("run", "--lable=x"), "`ovenbird run --help` lists what it takes"),
        (("build", "--requirment", "six"), "did you mean '--requirement'?"),
        (("build", "--handler", "main:handler"), "`ovenbird build --help` lists what it takes"),
        (("build", "--tga", "shop:1"), "did you mean '--tag'?"),
        (("runs", "list", "--statee", "x"), "did you mean '--state'?"),
        (("health", "--prot", "1"), "did you mean '--port'?"),
        (("inspect",), "`ovenbird inspect --help` lists what it takes"),
        ((), "`ovenbird --help` lists what it takes"),
    ],
    ids=lambda value: " ".join(value) or "nothing" if isinstance(value, tuple) else "",
)
def test_a_misspelled_word_gets_a_suggestion(words: tuple[str, ...], hint: str) -> None:
    """A verb, a verb below it, a flag: exit status 70, one line that says what is wrong, and a hint."""
    process = ovenbird(*words, OVENBIRD_LOG_FORMAT="text")
    assert (process.returncode, process.stdout) == (70, "")
    assert process.stderr.endswith(f"  hint: {hint}\n")
    assert len(process.stderr.splitlines()) == 2


def test_verbs_of_the_builder_are_known_where_it_is_not_installed() -> None:
    """An image that holds the runtime alone says what brings the verb."""
    brought = {entry.name for entry in importlib.metadata.entry_points(group="ovenbird.commands")}
    for verb in brought - {"container"}:
        error = unknown_verb_error(verb)
        part = "page" if verb == "ui" else "builder"
        assert f"is a verb of the {part}, which is not installed here" in error.message
        assert ("[ui]" if verb == "ui" else "[build]") in error.hint


def test_a_function_may_be_called_as_a_verb_of_runs(tmp_path: Path) -> None:
    """A folder `list` that holds a function is run."""
    (tmp_path / "list").mkdir()
    (tmp_path / "list/function.yaml").write_text("kind: python\nname: f\nspec: {source: {handler: fn}}\n")
    (tmp_path / "list/main.py").write_text("def fn(): return 7\n")
    env = {**os.environ, "OVENBIRD_HOME": str(tmp_path / "store")}
    assert starts.run("run", "list", cwd=tmp_path, env=env).stdout == "7\n"
