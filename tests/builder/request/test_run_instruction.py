"""Instructions: their two forms, where they run, and what is refused before anything runs."""

from __future__ import annotations

from typing import Any

import pytest

from ovenbird_builder.errors import InstructionError
from ovenbird_builder.request.run_instruction import RunInstruction, parse_instruction_flag, parse_instructions


def test_a_text_runs_on_the_base() -> None:
    """As on the platform: before the dependencies."""
    assert parse_instructions(["apt-get update"], "spec.instructions") == (RunInstruction("apt-get update", "base"),)


@pytest.mark.parametrize("text", ["ls /shared", "cat /shared/x", "(cd /shared && make)"])
def test_a_text_that_names_shared_runs_after_the_source(text: str) -> None:
    """It could not work earlier; the move is marked so that it can be reported."""
    (instruction,) = parse_instructions([text], "spec.instructions")
    assert (instruction.after, instruction.moved) == ("source", True)


@pytest.mark.parametrize("text", ["ls /shared-data", "ls /opt/shared", "ls /sharedness"])
def test_a_text_that_names_something_like_shared_is_not_moved(text: str) -> None:
    """Only the folder itself, and what is below it, counts."""
    assert parse_instructions([text], "spec.instructions")[0].after == "base"


def test_a_mapping_has_more_settings() -> None:
    """Place, secrets, network and time limit, all checked."""
    row = {"run": "make", "after": "dependencies", "secrets": ["b", "a", "b"], "network": False, "timeout": "2m"}
    assert parse_instructions([row], "x", ["a", "b"]) == (
        RunInstruction("make", "dependencies", ("a", "b"), False, 120.0),
    )


@pytest.mark.parametrize(
    ("item", "why"),
    [
        ("echo a\nUSER root", "holds a newline"),
        ("echo a\rb", "holds a newline"),
        ("echo a\u2028b", "holds a newline"),
        ("echo \x00", "control character"),
        ("cat <<EOF", "here-document"),
        ("cat <<-'EOF' > x", "here-document"),
        ("", "expected a command"),
        ("   ", "expected a command"),
        (3, "expected a text or a mapping"),
        ({"run": "x" * 100_001}, "too long"),
        ({}, "expected a command"),
        ({"run": "x", "when": "now"}, "unknown field 'when'"),
        ({"run": "x", "after": "lunch"}, "expected one of base, dependencies, source"),
        ({"run": "x", "network": "off"}, "expected `true` or `false`"),
        ({"run": "x", "secrets": ["token"]}, "there is no secret 'token'"),
        ({"run": "x", "secrets": "token"}, "expected a list of names"),
        ({"run": "x", "timeout": "soon"}, "expected a duration"),
    ],
)
def test_an_invalid_instruction_is_refused_by_its_number(item: Any, why: str) -> None:
    """The error has the number of the instruction, the value and the expected form."""
    with pytest.raises(InstructionError) as caught:
        parse_instructions(["true", item], "spec.instructions")
    assert caught.value.message.startswith("spec.instructions[1]")
    assert why in caught.value.message
    assert caught.value.exit_code == 23


@pytest.mark.parametrize("text", ["echo $((1 << 3))", "echo 'a << b'", 'echo "a << b"', "sh -c 'x' \\<\\<"])
def test_text_that_resembles_a_here_document_is_accepted(text: str) -> None:
    """Shifts and quoted text are no here-document."""
    assert parse_instructions([text], "x")[0].run == text


def test_a_flag_holds_a_text_or_a_mapping() -> None:
    """`--instruction` takes both forms, the second as JSON or YAML."""
    assert parse_instruction_flag("echo {}") == "echo {}"
    assert parse_instruction_flag("(cd /x && ls)") == "(cd /x && ls)"
    assert parse_instruction_flag('{"run": "make", "after": "source"}') == {"run": "make", "after": "source"}
    assert parse_instruction_flag(" {run: make, after: source}") == {"run": "make", "after": "source"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"run": ', "begins like JSON and is not JSON or YAML: at line 1"),
        ("{bad", "begins like JSON and is not JSON or YAML"),
        (" [bad", "begins like JSON and is not JSON or YAML"),
        ("[ -f x ] && touch y", "begins like JSON and is not JSON or YAML"),
        ("{run: a, run: b}", "duplicate key 'run'"),
        ("{" * 20_000, "nested more than 100 levels deep"),
        ("[" * 20_000, "nested more than 100 levels deep"),
        ('["make"]', "expected a command or a mapping of its fields, found ['make']"),
        ("[ -f x ]", "expected a command or a mapping of its fields, found"),
    ],
    ids=lambda value: value[:20],
)
def test_text_that_begins_like_a_mapping_is_not_a_command(text: str, why: str) -> None:
    """A bracket that was forgotten is an error, with the way to write a command that begins so."""
    with pytest.raises(InstructionError, match=r"^--instruction: ") as caught:
        parse_instruction_flag(text)
    assert why in caught.value.message
    assert '{"run": "[ -f x ] || y"}' in caught.value.hint


def test_a_mapping_of_a_flag_is_checked_as_in_a_document() -> None:
    """`{ ls; }` is a mapping for YAML, and has no field that is known."""
    with pytest.raises(InstructionError, match=r"unknown field 'ls;'"):
        parse_instructions([parse_instruction_flag("{ ls; }")], "--instruction")
