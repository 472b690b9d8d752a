"""YAML with limits."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from ovenbird.common.yaml_load import load_yaml, to_json_value

MEMORY = 400 * 1024**2  # bytes of address space


def bomb(levels: int, width: int = 9) -> str:
    """A document whose aliases expand to width ** levels texts."""
    rows = ["a0: &a0 [" + ",".join(["x"] * width) + "]"]
    rows += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * width)}]" for n in range(1, levels)]
    return "\n".join(rows) + "\n"


def merge_keys(levels: int) -> str:
    """The same by merge keys."""
    rows = ["a0: &a0 {" + ",".join(f"k{n}: 1" for n in range(9)) + "}"]
    rows += [f"a{n}: &a{n} {{<<: [{','.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, levels)]
    return "\n".join(rows) + "\n"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: &a {b: 1}\nc: *a", {"a": {"b": 1}, "c": {"b": 1}}),
        ("a: &a {b: 1}\nc: {<<: *a, d: 2}", {"a": {"b": 1}, "c": {"b": 1, "d": 2}}),
        ("&a a: *a", {"a": "a"}),
        ("a: " + "9" * 300, {"a": int("9" * 300)}),
        ("a: 1.5\nb: 0x1F\nc: ~\nd: yes", {"a": 1.5, "b": 31, "c": None, "d": True}),
        ("- " * 99 + "x", None),
        (
            "a: &a {b: 1, c: 2}\nd: {<<: *a, b: 3}\ne: {b: 4, <<: *a}",
            {"a": {"b": 1, "c": 2}, "d": {"b": 3, "c": 2}, "e": {"b": 4, "c": 2}},
        ),
        ("a: &a {b: 1}\nc: &c {<<: *a, b: 2}\nd: {<<: [*a, *c]}\ne: {<<: *a, <<: *c}", None),
        ("2: a\n'2': b\ntrue: c\n'true': d\n1.5: e", None),
        ("a: {b: 1}\nc: {b: 1}", {"a": {"b": 1}, "c": {"b": 1}}),
        (bomb(4), None),
        ("", None),
    ],
)
def test_ordinary_documents_are_read(text: str, value: object) -> None:
    """Anchors, aliases, merge keys, numbers: as ever; 99 levels, and aliases to some thousand values, too."""
    assert value is None or load_yaml(text) == value
    load_yaml(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (bomb(9), "at line 6, column 10: its aliases expand to more than 100000 values"),
        (bomb(40), "its aliases expand to more than 100000 values"),
        (merge_keys(9), "its aliases expand to more than 100000 values"),
        ("a: &a [*a]", "at line 1, column 8: an alias to a value that contains it"),
        ("a: &a {<<: *a}", "an alias to a value that contains it"),
        ("[" * 20_000, "nested more than 100 levels deep"),
        ("- " * 5000, "nested more than 100 levels deep"),
        ("{a: " * 5000, "nested more than 100 levels deep"),
        ("a: " + "9" * 5000, "at line 1, column 4: a number that is too long"),
        ("a: 0x" + "f" * 10**6, "a number that is too long"),
        ("a: " + ":".join(["59"] * 5000), "a number that is too long"),
        ("a: !!int x", "'x' is not a valid int"),
        ("a: !!int ''", "'' is not a valid int"),
        ("a: !!float x", "'x' is not a valid float"),
        ("a: !!bool perhaps", "'perhaps' is not a valid bool"),
        ("a: 2001-99-99", "'2001-99-99' is not a valid timestamp"),
        ("a: !!timestamp x", "'x' is not a valid timestamp"),
        ("a: !!python/object/apply:os.system [ls]", "could not determine a constructor for the tag"),
        ("!!python/name:os.system", "could not determine a constructor for the tag"),
        ("a: !!python/object/new:type [a]", "could not determine a constructor for the tag"),
        ("a: !thing x", "could not determine a constructor for the tag"),
        ("? [a]\n: b", "found unhashable key"),
        ("a: *x", "found undefined alias"),
        ('a: "\\ud800"', "a lone surrogate"),
        ('a: "\\UFFFFFFFF"', "OverflowError"),
        ("a: 1\n---\nb: 2", "but found another document"),
        ("a: 1\nb: 2\na: 3", " at line 3, column 1: duplicate key 'a', which line 1 has already"),
        ("a:\n  b: 1\n  'b': 2", " at line 3, column 3: duplicate key 'b', which line 2 has already"),
        ('[{a: 1, "a": 2}]', "column 9: duplicate key 'a', which line 1 has already"),
        ("1: a\n0x1: b", " at line 2, column 1: duplicate key '0x1', which line 1 has already"),
        ("yes: a\ntrue: b", "duplicate key 'true'"),
        ("~: a\nnull: b", "duplicate key 'null'"),
        ("a: &a {b: 1}\nc: {<<: *a, d: 1, d: 2}", "duplicate key 'd'"),
        ("a: \x00", "special characters are not allowed"),
        ("x" * (16 * 1024**2 + 1), "characters, of at most"),
    ],
    ids=lambda text: text[:30].encode("ascii", "replace").decode(),
)
def test_what_is_no_document_is_a_value_error(text: str, message: str) -> None:
    """Each exception of the parser becomes one error, with the position where there is one."""
    with pytest.raises(ValueError, match=r".") as failed:
        load_yaml(text)
    assert message in str(failed.value)
    assert len(str(failed.value)) < 1000


@pytest.mark.parametrize("verb", ["check", "serve", "run", "params", "processor", "manifests", "build"])
def test_a_bomb_is_an_error_in_little_memory(tmp_path: Path, verb: str) -> None:
    """A document of some hundred bytes that stands for billions of values ends every verb with one short message."""
    rows = bomb(9) + "kind: python\nname: *a8\n"
    rows += "spec: {source: {handler: *a8}, python_version: *a8, requirements: *a8}\n"
    (tmp_path / "function.yaml").write_text(rows)
    (tmp_path / "main.py").write_text("def handler(): pass\n")
    words = {
        "params": ["run", "main.py", "--params", "function.yaml"],
        "processor": ["processor", "--config", "function.yaml"],
        "manifests": ["manifests", "function.yaml"],
    }.get(verb, [verb, "function.yaml"])
    process = subprocess.run(
        [sys.executable, "-m", "ovenbird", *words], cwd=tmp_path, capture_output=True, text=True, check=False,
        timeout=60, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY)),
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "OVENBIRD_HOME": str(tmp_path / "home")},
    )  # fmt: skip
    assert "aliases expand to more than 100000 values" in process.stderr
    assert "Traceback" not in process.stderr
    assert len(process.stderr) < 2000
    assert process.returncode == (77 if verb == "params" else 71)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("d: 2024-01-02", {"d": "2024-01-02"}),
        ("d: 2024-01-02T03:04:05Z", {"d": "2024-01-02T03:04:05+00:00"}),
        ("s: !!set {b, a, 1}", {"s": [1, "a", "b"]}),
        ("b: !!binary aGk=", {"b": "aGk="}),
        ("{2: a, true: b, ~: c, 1.5: d, 2024-01-02: e}", {"2": "a", "true": "b", "null": "c", "1.5": "d",
                                                          "2024-01-02": "e"}),
        ("o: !!omap [a: 1, b: 2]", {"o": [["a", 1], ["b", 2]]}),
        ("n: [.nan, .inf, -.inf, 1.5]", {"n": ["nan", "inf", "-inf", 1.5]}),
        ("a: {b: [{2: !!binary AA==}]}", {"a": {"b": [{"2": "AA=="}]}}),
    ],
    ids=["date", "time", "set", "binary", "keys", "pairs", "no numbers", "nested"],
)  # fmt: skip
def test_types_that_json_does_not_have(text: str, value: object) -> None:
    """Each type becomes the nearest type of JSON, the same in each process; sorting keys works too."""
    result = to_json_value(load_yaml(text))
    assert result == value
    json.dumps(result, sort_keys=True, allow_nan=False)
