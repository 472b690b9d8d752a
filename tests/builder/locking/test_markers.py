"""Only lines whose marker applies to the target count: exports of uv and Poetry name one package several times."""

from __future__ import annotations

import os
import subprocess
import sysconfig
from pathlib import Path

import pytest
from msgspec import structs
from tests.orchard import Bench

from ovenbird.function_document import FunctionSpec
from ovenbird_builder.errors import ConflictError, HashError, LockError
from ovenbird_builder.locking import runtime_constraints
from ovenbird_builder.locking.lock_format import Lock
from ovenbird_builder.locking.markers import is_marker_true
from ovenbird_builder.locking.requirements import RequirementFlags, Requirements, collect_requirements

ZERO = "0" * 64  # no file has this hash
PROJECT = """[project]
name = "app"
version = "1"
requires-python = ">=3.10"
dependencies = ["apple==1.0; python_version < '3.12'", "apple==2.0; python_version >= '3.12'"]
"""
# as Poetry 2.5 writes it by `poetry export`: the marker after a blank, each hash on a line of its own
POETRY = """apple==1.0 ; python_version < "3.12" and python_version >= "3.10" \\
    --hash=sha256:{old}
apple==2.0 ; python_version >= "3.12" \\
    --hash=sha256:{new}
banana==2.0 ; python_version >= "3.12" \\
    --hash=sha256:{banana}
"""


def collect_needs(folder: Path, text: str = "", limits: str = "") -> Requirements:
    """Return the requirements of a function whose folder has this requirements.txt."""
    if text:
        (folder / "requirements.txt").write_text(text)
    (folder / "limits.txt").write_text(limits)
    function = FunctionSpec(root=folder, name="f", handler="main:handler", source=".")
    return collect_requirements(
        function, folder, RequirementFlags(constraints=(folder / "limits.txt",) if limits else ())
    )


def lock_needs(bench: Bench, requirements: Requirements, version: str, **options: object) -> Lock:
    """Return a lock for that Python, by uv: on this machine, without a container."""
    minor = version.replace(".", "")
    interpreter = structs.replace(bench.interpreter, version=f"{version}.4", soabi=f"cpython-{minor}-x86_64-linux-gnu")
    return bench.lock_needs(requirements, interpreter=interpreter, **{"locker": "uv", **options})


def list_versions(lock: Lock) -> dict[str, str]:
    return {pin.name: pin.version for pin in lock.pins}


def list_hashes(bench: Bench, *texts: str) -> list[str]:
    """Return the hash of the only file of each of these, without `sha256:`."""
    pins_of_text = [bench.lock(text, locker="uv").pins for text in texts]
    rows = zip(texts, pins_of_text, strict=True)
    return [next(pin for pin in pins if text.startswith(pin.name)).hashes[0][7:] for text, pins in rows]


def run_uv(folder: Path, bench: Bench, *argv: str) -> None:
    """Run uv in a folder, with the private index."""
    environ = (
        os.environ | bench.indexes.make_uv_variables() | {"UV_CACHE_DIR": str(folder / ".uv"), "UV_NO_CONFIG": "1"}
    )
    command = [f"{sysconfig.get_path('scripts')}/uv", *argv]
    process = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stderr


@pytest.fixture(params=["export", "compile"])
def export(request: pytest.FixtureRequest, bench: Bench, tmp_path: Path) -> Path:
    """A folder with the requirements.txt that uv writes for all Pythons."""
    if request.param == "export":
        (tmp_path / "pyproject.toml").write_text(PROJECT)
        run_uv(tmp_path, bench, "lock")
        run_uv(tmp_path, bench, "export", "--no-header", "--output-file", "requirements.txt")
    else:
        (tmp_path / "in.txt").write_text("apple==1.0; python_version < '3.12'\napple==2.0; python_version >= '3.12'\n")
        run_uv(
            tmp_path, bench, "pip", "compile", "--universal", "--generate-hashes", "in.txt", "-o", "requirements.txt"
        )
    assert (tmp_path / "requirements.txt").read_text().count("\napple==") + 1 >= 2
    return tmp_path


def test_an_export_of_uv_is_locked_for_each_python(bench: Bench, export: Path) -> None:
    """The line of the target's Python gives the version and the hash; the other line's hash takes no part."""
    old, new = list_hashes(bench, "apple==1.0", "apple==2.0")
    assert list_versions(lock_needs(bench, collect_needs(export), "3.11")) == {"apple": "1.0"}
    lock = lock_needs(bench, collect_needs(export), "3.13")
    assert list_versions(lock) == {"apple": "2.0", "banana": "2.0"}
    assert lock.pins[0].hashes == (f"sha256:{new}",)
    text = (export / "requirements.txt").read_text()
    for right in (old, new):  # a wrong hash does not pass for its own Python, and does not count for the other
        (export / "requirements.txt").write_text(text.replace(right, "0" * 64))
        own, other = ("3.11", "3.13") if right == old else ("3.13", "3.11")
        with pytest.raises(HashError, match=r"no file of apple==.* sha256:0{64} \(requirements.txt line"):
            lock_needs(bench, collect_needs(export), own)
        assert "apple" in list_versions(lock_needs(bench, collect_needs(export), other))


def test_an_export_of_poetry_is_locked_for_each_python(bench: Bench, tmp_path: Path) -> None:
    """Its form of the same, by pip-tools in a container as by uv."""
    old, new, banana = list_hashes(bench, "apple==1.0", "apple==2.0", "banana==2.0")
    requirements = collect_needs(tmp_path, POETRY.format(old=old, new=new, banana=banana))
    assert list_versions(lock_needs(bench, requirements, "3.11", locker="pip-tools")) == {"apple": "1.0"}
    assert list_versions(lock_needs(bench, requirements, "3.12")) == {"apple": "2.0", "banana": "2.0"}


def test_every_line_that_applies_has_to_allow_a_hash(bench: Bench, tmp_path: Path) -> None:
    """Two lines of one name that both apply, in a file or as constraints, leave the hashes that they share, as pip."""
    (right,) = list_hashes(bench, "banana==1.0")
    wrong = "0" * 64
    good = f"banana==1.0 --hash=sha256:{right} --hash=sha256:{wrong}\nbanana --hash=sha256:{right}\nbanana<2\n"
    lock = lock_needs(bench, collect_needs(tmp_path, good, f"banana==1.0 --hash=sha256:{right}\n"), "3.11")
    assert [pin.hashes for pin in lock.pins] == [(f"sha256:{right}",)]
    for text, limits in (
        (f"banana==1.0 --hash=sha256:{wrong}\nbanana --hash=sha256:{right}\n", ""),
        (f"banana==1.0 --hash=sha256:{right}\n", f"banana==1.0 --hash=sha256:{wrong}\n"),
    ):
        with pytest.raises(HashError, match=wrong):
            lock_needs(bench, collect_needs(tmp_path, text, limits), "3.11")


def test_a_constraint_applies_where_its_marker_does(bench: Bench, tmp_path: Path) -> None:
    """One for another Python or machine limits nothing; one that applies is named with its line, not the runtime."""
    limits = (
        "banana<2; python_version < '3.12'\nbanana>=2; python_version >= '3.12'\nbanana<1; platform_machine == 'arm'\n"
    )
    assert list_versions(lock_needs(bench, collect_needs(tmp_path, "banana\n", limits), "3.11")) == {"banana": "1.0"}
    requirements = collect_needs(tmp_path, "banana==2.0\n", limits)
    assert list_versions(lock_needs(bench, requirements, "3.12")) == {"banana": "2.0"}
    with pytest.raises(ConflictError) as caught:
        lock_needs(bench, requirements, "3.11")
    assert (
        f'the constraint banana<2; python_version < "3.12" ({tmp_path / "limits.txt"} line 1)' in caught.value.message
    )
    assert "runtime" not in str(caught.value)


def test_the_runtime_s_range_applies_to_lines_that_apply(bench: Bench, tmp_path: Path) -> None:
    """A version for another Python may be one that the runtime cannot use."""
    text = "starlette==0.27.0; python_version < '3.12'\nbanana\n"
    assert list_versions(lock_needs(bench, collect_needs(tmp_path, text), "3.12")) == {"banana": "2.0"}
    with pytest.raises(ConflictError, match="is not within the runtime's starlette"):
        lock_needs(bench, collect_needs(tmp_path, text), "3.11")


def test_a_pylock_is_checked_against_constraints_that_apply(bench: Bench, tmp_path: Path) -> None:
    """Those of pylock.toml too: the constraint is named, where its marker applies."""
    (tmp_path / "pylock.toml").write_text(
        'lock-version = "1.0"\ncreated-by = "t"\n[[packages]]\nname = "banana"\nversion = "2.0"\n'
        f'wheels = [{{name = "banana-2.0-py3-none-any.whl", url = "https://h/b", hashes = {{sha256 = "{ZERO}"}}}}]\n'
    )
    requirements = collect_needs(tmp_path, limits="banana<2; python_version < '3.12'\n")
    assert list_versions(lock_needs(bench, requirements, "3.12")) == {"banana": "2.0"}
    with pytest.raises(ConflictError, match=r"banana==2.0 in pylock.toml is not within the constraint banana<2"):
        lock_needs(bench, requirements, "3.11")


def test_an_extra_of_extras_applies_where_its_marker_does(bench: Bench, tmp_path: Path) -> None:
    """`all = ["app[old]; python_version < '3.12'"]` brings what `old` needs for such a Python only."""
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "app"\nversion = "1"\n[project.optional-dependencies]\n'
        'all = ["app[old,new]; python_version < \'3.12\'", "app[new]"]\n'
        'old = ["banana==1.0; os_name == \'posix\'", "app[all]; os_name == \'posix\'"]\nnew = ["apple==1.0"]\n'
    )
    requirements = collect_requirements(
        FunctionSpec(root=tmp_path, name="f", handler="main:handler", source="."),
        tmp_path,
        RequirementFlags(extras=("all",)),
    )
    assert 'banana==1.0; os_name == "posix" and python_version < "3.12"' in requirements.list_texts()
    assert list_versions(lock_needs(bench, requirements, "3.11")) == {"apple": "1.0", "banana": "1.0"}
    assert list_versions(lock_needs(bench, requirements, "3.12")) == {"apple": "1.0"}


def test_all_ranges_of_a_name_apply() -> None:
    """A second limit does not take the place of the first."""
    from ovenbird_builder.locking.requirement_line import parse_requirement

    limits = [
        parse_requirement(text, f"limits.txt line {n}", Path()) for n, text in enumerate(["pear>=2", "pear<5"], 1)
    ]
    runtime_constraints.check_requirements([parse_requirement("pear==3", "r.txt line 1", Path())], limits)
    for text, line in (("pear==1", 1), ("pear===5.0", 2), ("pear===odd", 1)):
        with pytest.raises(ConflictError, match=rf"constraint pear.*\(limits.txt line {line}\)"):
            runtime_constraints.check_requirements([parse_requirement(text, "r.txt line 1", Path())], limits)


@pytest.mark.parametrize(
    "marker", ["sys_platform ~= 'linux'", "'x' in dependency_groups", "platform_machine > 'x' and"]
)
def test_a_marker_that_cannot_be_evaluated_is_named(marker: str) -> None:
    """Not a traceback: what it is, and where it stands."""
    with pytest.raises(LockError, match=r"requirements\.txt line 7: the marker"):
        is_marker_true(marker, {"sys_platform": "linux", "platform_machine": "x86_64"}, "requirements.txt line 7")
