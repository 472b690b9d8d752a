"""Outputs for GitHub and GitLab: variables, a summary, annotations, a dotenv file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ovenbird_builder.build import ci_outputs
from ovenbird_builder.build.batch import BatchOutcome, format_table
from ovenbird_builder.build.report import BuildResult
from ovenbird_builder.cache.layer import Layer
from ovenbird_builder.errors import ConflictError, StaleLockError

DIGEST = "sha256:" + "a" * 64


class NamedOutcome(BatchOutcome):
    """An outcome that has a name without a request."""

    @property
    def name(self) -> str:
        return self.target.partition("/")[2]


def make_built(target: str, *, changed: bool = True, warnings: tuple[str, ...] = ()) -> BatchOutcome:
    layers = tuple(Layer("k", DIGEST, DIGEST, 3, "media", name, cached) for name, cached in (("a", True), ("b", False)))
    return NamedOutcome(
        target, result=BuildResult(f"r.example/{target}:1", DIGEST, layers, {}, {}, {}, warnings, changed)
    )


def make_failed(target: str) -> BatchOutcome:
    return NamedOutcome(target, error=ConflictError("six==1 and six==2:\n 100% a, b | c", hint="leave one out"))


def parse_outputs(text: str) -> dict[str, str]:
    return {name: value for name, _, value in (line.partition("=") for line in text.splitlines())}


def test_the_outputs_of_one_function() -> None:
    """A later step has the image by tag and digest in one name, and whether anything changed."""
    values = parse_outputs(ci_outputs.format_outputs([make_built("f/a")]))
    assert values["image"] == "r.example/f/a:1"
    assert values["digest"] == DIGEST
    assert values["reference"] == f"r.example/f/a:1@{DIGEST}"
    assert values["changed"] == "true"
    assert parse_outputs(ci_outputs.format_outputs([make_built("f/a", changed=False)]))["changed"] == "false"


def test_the_outputs_of_several_functions() -> None:
    """Lists in JSON, for a matrix; names that would mean one function alone are not there."""
    values = parse_outputs(
        ci_outputs.format_outputs([make_built("f/a"), make_failed("f/b"), make_built("f/c", changed=False)])
    )
    assert set(values) == {"images", "changed_functions", "failed_functions"}
    assert json.loads(values["images"]) == {name: f"r.example/f/{name}:1@{DIGEST}" for name in "ac"}
    assert json.loads(values["changed_functions"]) == ["a"]
    assert json.loads(values["failed_functions"]) == ["b"]
    assert parse_outputs(ci_outputs.format_outputs([make_failed("f/b")])) == {
        "images": "{}", "changed_functions": "[]", "failed_functions": '["b"]',
    }  # fmt: skip


def test_the_summary_is_a_table_of_markdown() -> None:
    """Text of a function or an index stays within its cell and is escaped."""
    text = ci_outputs.format_summary([make_built("f/a", warnings=("*note*",)), make_failed("f/b|<b>")])
    rows = text.splitlines()
    assert rows[2] == f"| a | built | `r.example/f/a:1@{DIGEST}` | 2, 1 cached | 0.0 |"
    assert rows[3] == "| b\\|\\<b\\> | failed | six==1 and six==2: 100% a, b \\| c |  |  |"
    assert "- a: \\*note\\*" in rows


def test_annotations_are_workflow_commands(tmp_path: Path) -> None:
    """One line each, with the file as GitHub knows it, below the workspace."""
    (tmp_path / "f").mkdir()
    outcome = make_failed(f"{tmp_path}/f/b,1:x")
    outcome.target = f"{tmp_path}/f/b,1:x"
    (line,) = ci_outputs.format_annotations([outcome], str(tmp_path))
    assert line == (
        "::error file=f/b%2C1%3Ax,title=build.lock.conflict::"
        "six==1 and six==2:%0A 100%25 a, b | c%0Ahint: leave one out"
    )
    (line,) = ci_outputs.format_annotations([make_built("f/a", warnings=("odd",))])
    assert line == "::warning file=f/a,title=a::odd"


def test_outputs_summary_and_annotations_for_github(tmp_path: Path) -> None:
    """Files are appended to, as each step of a job has them; annotations are for GitHub alone; a file that cannot be
    written is told, and no reason to fail.
    """
    messages: list[str] = []
    environ = {"GITHUB_OUTPUT": str(tmp_path / "output"), "GITHUB_STEP_SUMMARY": str(tmp_path / "no" / "summary")}
    (tmp_path / "output").write_text("before=1\n")
    ci_outputs.tell_github([make_failed("f/b")], environ, messages.append)
    assert (tmp_path / "output").read_text().startswith("before=1\nimages={}\n")
    assert messages == ["warning: cannot write to GITHUB_STEP_SUMMARY: No such file or directory"]
    ci_outputs.tell_github([make_failed("f/b")], {"GITHUB_ACTIONS": "true"}, messages.append)
    assert messages[1].startswith("::error file=f/b,")
    ci_outputs.tell_github([make_failed("f/b")], {}, messages.append)
    assert len(messages) == 2


def test_a_dotenv_file_has_valid_names_of_variables(tmp_path: Path) -> None:
    """Plain names for one function, suffixed by function for several; failed functions have none."""
    ci_outputs.write_dotenv(tmp_path / "env", [make_built("f/a")])
    assert (tmp_path / "env").read_text().splitlines() == [
        "IMAGE=r.example/f/a:1", f"IMAGE_DIGEST={DIGEST}", f"IMAGE_REFERENCE=r.example/f/a:1@{DIGEST}",
    ]  # fmt: skip
    names = [
        line.partition("=")[0]
        for line in ci_outputs.format_dotenv([make_built("f/my.fn-2"), make_failed("f/b")]).split()
    ]
    assert names == ["IMAGE_MY_FN_2", "IMAGE_DIGEST_MY_FN_2", "IMAGE_REFERENCE_MY_FN_2"]


def test_the_table_names_each_function() -> None:
    """Built and failed functions, each with the exit status of its own."""
    head, *rows, counts = format_table([make_built("f/a"), make_built("f/bb", changed=False), make_failed("f/c")])
    assert head.split() == ["FUNCTION", "STATUS", "LAYERS", "TIME", "IMAGE"]
    assert [row.split()[:2] for row in rows] == [["a", "built"], ["bb", "unchanged"], ["c", "failed"]]
    assert "2, 1 cached" in rows[0]
    assert f"failed ({ConflictError.exit_code})" in rows[2]
    assert "build.lock.conflict: six==1 and six==2:" in rows[2]
    assert counts == "1 built, 1 unchanged, 1 failed"


@pytest.mark.parametrize("error", [StaleLockError("old", hint="ovenbird lock"), StaleLockError("old")])
def test_the_row_of_a_failure(error: StaleLockError) -> None:
    """Code, status and message, as the record on stderr has them."""
    row = BatchOutcome("functions/a", error=error).describe()
    assert row["error"] == {"code": "build.lock.stale", "exit_code": 45, "message": "old"} | (
        {"hint": error.hint} if error.hint else {}
    )
    assert row["function"] == {"name": "a", "target": "functions/a", "path": "functions/a"}
