"""Hints name flags: each is one of the verb that prints it."""

from __future__ import annotations

import argparse
import ast
import re
from collections.abc import Iterator
from functools import cache

import pytest

from ovenbird.commands.advice.verb_parsers import describe_verbs, find_parser, walk_parsers
from ovenbird_builder.cli import VERBS as BUILDER
from ovenbird_builder.cli import build_parser
from ovenbird_builder.commands import runs_cluster
from tests.test_architecture import SOURCES, modules

_FLAG = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]*")
_COMMAND = re.compile(r"`([a-zA-Z][^`]*)`")  # in backticks, and no flag alone
# a module whose hints a verb does not print although it imports it -> why
_UNPRINTED = {
    ("ovenbird_builder.containers.engine_errors", "container"): "only its `extract_reason` is used",
    ("ovenbird_builder.containers.engine_errors", "lock"): "bases are pulled by buildah, see container.py",
    ("ovenbird_builder.registry.client", "lock"): "of `oci`, only layouts on this machine are read",
    ("ovenbird_builder.registry.bearer_auth", "lock"): "as above",
    ("ovenbird_builder.host.disk", "container"): "it writes to no cache",
    ("ovenbird_builder.host.disk", "manifests"): "it writes to no cache",
    ("ovenbird_builder.locking.pip_errors", "build"): "--only-binary is an option of a requirements file too",
    ("ovenbird_builder.locking.pip_errors", "bundle"): "as above",
}


@cache
def flags_of(verb: str) -> frozenset[str]:
    """Return all flags of a verb and of its verbs."""
    parsers = [build_parser(verb) if verb in BUILDER else find_parser(verb)]
    if verb == "runs":
        parsers.append(argparse.ArgumentParser())
        runs_cluster.add_options(parsers[-1])
    return frozenset(
        name
        for parser in parsers
        for verb_parser in walk_parsers(parser)
        for action in verb_parser._actions
        for name in action.option_strings
    )


@cache
def imports() -> dict[str, frozenset[str]]:
    """Return each module of ours with those that it imports, inside of functions too."""
    names = {name for name, _ in modules()}
    graph = {}
    for name, path in modules():
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        imported = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
                base = ".".join([*above, *([node.module] if node.module else [])])
                imported |= {f"{base}.{alias.name}" for alias in node.names} | {base}
            elif isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
        graph[name] = frozenset(imported & names)
    return graph


@cache
def reached(verb: str) -> frozenset[str]:
    """Return the modules that a verb of the builder may run."""
    modules: set[str] = set()
    todo = [f"ovenbird_builder.commands.{verb}"]
    while todo:
        name = todo.pop()
        if name not in modules:
            modules.add(name)
            todo += imports()[name]
    return frozenset(modules)


def hints() -> Iterator[tuple[str, str]]:
    """Return each hint with the module that holds it; what an f-string fills in is a blank."""
    for name, path in modules():
        text = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)) if "hint" in text.lower() else ():
            if (isinstance(node, ast.keyword) and node.arg == "hint") or (
                isinstance(node, ast.Assign)
                and any(isinstance(target, ast.Name) and "hint" in target.id.lower() for target in node.targets)
            ):
                yield name, _text(node.value)


def _text(node: ast.AST) -> str:
    """Return the constant parts of an expression in the order of the source."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.FormattedValue):
        return "X"
    return "".join(map(_text, ast.iter_child_nodes(node)))


WITH_FLAGS = sorted({(name, text) for name, text in hints() if _FLAG.search(text)})


def test_hints_are_found() -> None:
    """The reader of the sources sees them: else the tests below hold nothing."""
    assert len(WITH_FLAGS) > 50
    assert ("ovenbird_builder.build.image_check", "`ovenbird build --no-check`") in {
        (name, text[:27]) for name, text in WITH_FLAGS
    }
    assert {folder.parent.name for folder in SOURCES.values()} == {"wrapper", "builder", "console"}


@pytest.mark.parametrize(("name", "text"), WITH_FLAGS, ids=lambda text: text[:40])
def test_a_command_in_a_hint_has_its_flags(name: str, text: str) -> None:
    """Commands in backticks can be typed: `ovenbird VERB` has each flag that is named with it."""
    for command in _COMMAND.findall(text):
        words = command.split()
        if words[:1] == ["ovenbird"] and words[1:] and words[1][0] not in "-X":
            assert set(_FLAG.findall(command)) - {"--help"} <= flags_of(words[1]), command


@pytest.mark.slow
@pytest.mark.parametrize(("name", "text"), WITH_FLAGS, ids=lambda text: text[:40])
def test_a_flag_in_a_hint_exists_in_each_verb_that_prints_it(name: str, text: str) -> None:
    """Outside of commands a flag is one of the verb's own. A verb may print the hints of all modules it imports."""
    named = set(_FLAG.findall(_COMMAND.sub("", text))) - {"--help"}
    if name.startswith("ovenbird_builder"):
        verbs = [verb for verb in BUILDER if name in reached(verb) and (name, verb) not in _UNPRINTED]
        wrong = {verb: named - flags_of(verb) for verb in verbs if named - flags_of(verb)}
        assert not wrong, text
    else:  # what runs a function is reached from nearly every verb
        assert named <= {flag for verb in describe_verbs() for flag in flags_of(verb)}, text
