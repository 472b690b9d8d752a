"""Plans are data: the order of layers, what is in a key, what would run; and why a layer is made again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from ovenbird_builder.bases.base_image import BaseImage
from ovenbird_builder.build.cache_misses import explain, remember_layers
from ovenbird_builder.build.plan import ImagePlan, LayerSpec, PlanContext, make_plan
from ovenbird_builder.cache.layer import Layer
from ovenbird_builder.layers import MTIME
from ovenbird_builder.request.run_instruction import RunInstruction

CONFIG = {"created": "2025-03-04T05:06:07.8Z", "rootfs": {"diff_ids": ["sha256:a"]}}
BASE = BaseImage("example.com/base:1", "sha256:base", b"{}", json.dumps(CONFIG).encode(), "linux/amd64")
PARTS = {
    "dependencies": [LayerSpec("dependencies", "six 1.16", "sha256:six", {"six": "1.16"})],
    "source": [LayerSpec("source", "source", "sha256:source", {"source": "sha256:tree"})],
    "document": [LayerSpec("document", "function document", "sha256:document")],
}
STEPS = (
    RunInstruction("a", "base"),
    RunInstruction("d", "source", secrets=("token",)),
    RunInstruction("b", "base"),
    RunInstruction("c", "dependencies", network=False),
)


def plan_steps(*instructions: RunInstruction, have: Mapping[str, Layer] | None = None, **changes: Any) -> ImagePlan:
    fields: dict[str, Any] = {
        "compression": "zstd", "identities": {"token": "token:1"}, "mounts": "sha256:ca", "base": BASE, "parts": PARTS,
    } | changes  # fmt: skip
    base, parts = fields.pop("base"), fields.pop("parts")
    return make_plan(base, instructions, parts, PlanContext((have or {}).get, **fields))


def list_keys(plan: ImagePlan) -> list[str]:
    return [step.key for step in plan.steps]


def test_layers_that_change_rarely_come_first() -> None:
    """Base < instructions < dependencies < instructions < source < instructions < document."""
    parts = {**PARTS, "runtime": [LayerSpec("runtime", "runtime", "sha256:runtime")]}
    plan = plan_steps(*STEPS, parts=parts)
    assert [step.name for step in plan.steps] == [
        "runtime", "a", "b", "six 1.16", "c", "source", "d", "function document"
    ]  # fmt: skip


def test_the_same_inputs_give_the_same_plan() -> None:
    """Also the same keys, which are known before anything is made."""
    assert plan_steps(*STEPS) == plan_steps(*STEPS)
    assert all(list_keys(plan_steps(*STEPS)))


@pytest.mark.parametrize(
    ("change", "changed"),
    [
        ({"identities": {"token": "token:2"}}, ["d"]),
        ({"mounts": "sha256:other"}, ["a", "b", "c", "d"]),
        ({"compression": "gzip"}, ["a", "b", "c", "d"]),
        ({"base": BaseImage("b", "sha256:other", b"{}", BASE.config, "linux/amd64")}, ["a", "b", "c", "d"]),
        ({"parts": {**PARTS, "source": [LayerSpec("source", "source", "sha256:new")]}}, ["source", "d"]),
        (
            {"parts": {**PARTS, "dependencies": [LayerSpec("dependencies", "six 1.16", "sha256:new")]}},
            ["six 1.16", "c", "d"],
        ),
    ],
)
def test_a_key_changes_with_what_its_command_can_see(change: dict[str, Any], changed: list[str]) -> None:
    """It changes with nothing else: a new source runs no `apt-get`."""
    before, after = plan_steps(*STEPS), plan_steps(*STEPS, **change)
    pairs = zip(before.steps, after.steps, strict=True)
    assert [new.name for old, new in pairs if old.key != new.key] == changed


def test_the_public_record_of_a_step_does_not_depend_on_the_machine() -> None:
    """Neither the certificates of a site nor a secret's value: both would give another digest elsewhere."""
    plan = plan_steps(*STEPS)
    other = plan_steps(*STEPS, identities={"token": "token:2"}, mounts="")
    assert list_keys(plan) != list_keys(other)
    assert [step.public for step in plan.steps] == [step.public for step in other.steps]


def test_a_step_has_the_commands_that_would_run() -> None:
    """As argv of buildah; a command is one argument of a shell, and never part of a generated text."""
    (step,) = [step for step in plan_steps(*STEPS).steps if step.name == "d"]
    assert step.argv == (
        ("buildah", "from", "--quiet", "--pull=never", "--name=CONTAINER", "--", "BELOW"),
        ("buildah", "run", "--user=0:0", "--volume=SECRET:/run/secrets/token:ro", "--workingdir=/shared", "CONTAINER",
         "--", "/bin/sh", "-c", "d"),
        ("buildah", "commit", "--quiet", "--format=oci", "--identity-label=false", "CONTAINER", "STEP"),
    )  # fmt: skip
    (offline,) = [step for step in plan_steps(*STEPS).steps if step.name == "c"]
    assert "--network=none" in offline.argv[1]


def test_the_time_of_a_step_follows_from_the_base() -> None:
    """Not from the commit, with which every step would run again; and never before what a zip file can hold."""
    assert BASE.created_at == 1741064767
    assert BaseImage("b", "d", b"{}", b'{"created": "1970-01-01T00:00:00Z"}', "p").created_at == MTIME
    assert BaseImage("b", "d", b"{}", b"{}", "p").created_at == MTIME


def test_the_layers_are_known_when_all_are_cached() -> None:
    """Then the digest is known before any work."""
    layers = {key: Layer(key, "sha256:x", "sha256:y", 1, "m", "n") for key in list_keys(plan_steps(*STEPS))}
    layers_known = plan_steps(*STEPS, have=layers).known
    assert layers_known is not None
    assert len(layers_known) == 7
    layers.popitem()
    assert plan_steps(*STEPS, have=layers).known is None


def explain_plan(plan: ImagePlan, before: ImagePlan | None) -> list[str]:
    rows = json.loads(json.dumps(remember_layers(before))) if before else ()
    return [row.reason for row in explain(plan, rows)]


def test_without_an_earlier_build_all_is_new() -> None:
    """The explanation says so."""
    assert set(explain_plan(plan_steps(*STEPS), None)) == {"made: there is no earlier build of this tag here"}


def test_a_change_is_explained_with_old_and_new_value() -> None:
    """A new version of a package, and the layers above it."""
    parts = {**PARTS, "dependencies": [LayerSpec("dependencies", "six 1.17", "sha256:new", {"six": "1.17"})]}
    before = plan_steps(*STEPS)
    same = {key: Layer(key, "d", "i", 1, "m", "n") for key in list_keys(before)}
    lines = explain_plan(plan_steps(*STEPS, parts=parts, have=same), before)
    below = "made again: a layer below it has changed"
    changed = ["new", below, "cached", below, "cached"]
    assert lines[:2] == ["cached", "cached"]
    assert lines[3:] == changed[1:]
    assert lines[2] in ("new", "made again: six was 1.16, is 1.17")


def test_a_changed_secret_is_explained_without_its_identity() -> None:
    """The identity of a secret must not be shown."""
    lines = explain_plan(plan_steps(*STEPS, identities={"token": "token:2"}), plan_steps(*STEPS))
    assert "made again: a secret has another value" in lines
    assert not any("token:" in line for line in lines)


def test_a_pruned_cache_is_a_reason() -> None:
    """The keys are the same, and nothing is there."""
    assert set(explain_plan(plan_steps(*STEPS), plan_steps(*STEPS))) == {"made again: the cache no longer has it"}
