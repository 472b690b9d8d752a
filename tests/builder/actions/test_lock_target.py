"""A lock as a function and from the Python API, with a real index and a real base."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.orchard import PASSWORD, Bench, Orchard

import ovenbird as ob
from ovenbird.errors import LoadError, SettingsError
from ovenbird_builder.actions.lock_target import lock_target, make_lock_request
from ovenbird_builder.errors import BuildRequestError, RequirementMissingError
from ovenbird_builder.locking.lock_format import parse_lock


@pytest.fixture
def folder(bench: Bench, orchard: Orchard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a function that needs a package of the index."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OVENBIRD_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("OVENBIRD_CACHE_DIR", str(bench.cache))
    monkeypatch.setenv("OVENBIRD_INDEX_URL", orchard.url.replace("://", "://${WHO}:${WORD}@"))
    monkeypatch.setenv("WHO", "gardener")
    monkeypatch.setenv("WORD", "Plum%26Pear%2377")
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "main.py").write_text("def handler():\n    return 1\n")
    (tmp_path / "code" / "requirements.txt").write_text("apple<2\nbanana<2\n")
    return tmp_path


def test_a_function_is_locked(bench: Bench, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The lock says where it is, what it holds and what has changed; pins are kept until they are upgraded."""
    function = ob.function("code/main.py:handler")
    lock = function.lock(base_image=bench.image)
    assert lock.path == folder / "code" / "function.lock"
    assert dict(lock.packages) == {"apple": "1.0", "banana": "1.0"}
    assert lock.changes == ("+ apple 1.0", "+ banana 1.0")
    pinned = parse_lock(lock.path.read_text(), "function.lock")
    assert (lock.digest, lock.python, lock.platform) == (pinned.digest, pinned.head.python, pinned.head.platform)
    assert "needs: requirements.txt" in capsys.readouterr().err
    assert lock._repr_mimebundle_()["text/plain"].splitlines()[0] == f"Lock {lock.path} changed"
    assert repr(lock) == f"<FunctionLock of 2 packages, {lock.path}>"

    (folder / "code" / "requirements.txt").write_text("apple\n")
    again = function.lock(base_image=bench.image)
    assert (dict(again.packages), again.changes) == ({"apple": "1.0"}, ("- banana 1.0",))
    upgraded = function.lock(base_image=bench.image, upgrade="apple", requirements=["banana<2"])
    assert upgraded.changes == ("~ apple 1.0 -> 2.0", "+ banana 1.0")
    assert function.lock(base_image=bench.image, requirements=["banana<2"]).changes == ()
    assert PASSWORD not in lock.path.read_text() + capsys.readouterr().err


def test_what_cannot_be_locked(bench: Bench, folder: Path) -> None:
    """The errors are those of the command, and the lock that is there stays."""
    function = ob.function("code/main.py:handler")
    (folder / "code" / "requirements.txt").write_text("durian\n")
    with pytest.raises(RequirementMissingError, match=r"the index has no 'durian' \(asked for in requirements\.txt"):
        function.lock(base_image=bench.image)
    assert not (folder / "code" / "function.lock").exists()
    with pytest.raises(SettingsError, match="python= is called python_version= here"):
        function.lock(python="3.11")
    with pytest.raises(SettingsError, match="a function of a git repository is not locked from here"):
        ob.function("git+https://host.example/repository#v1").lock()
    (folder / "code" / "main.py").unlink()
    with pytest.raises(LoadError, match=r"no file .*main\.py"):
        function.lock()


def test_options_are_those_of_the_command() -> None:
    """A single text stands for a list of one, a path for its text, and None for an option that is not given."""
    request = make_lock_request(
        "main.py", {"requirements": "a.txt", "extra": ["x", "y"], "upgrade": True, "allow_host": "h", "python": None}
    )
    assert (request.target, request.requirements, request.extra) == ("main.py", (Path("a.txt"),), ("x", "y"))
    assert (request.upgrade, request.allow_host, request.python) == (True, ("h",), "")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"uprgade": True}, "a lock has no option 'uprgade'"),
        ({"target": "x"}, "a lock has no option 'target'"),
        ({"upgrade": "yes"}, "upgrade: expected True or False, found 'yes'"),
        ({"upgrade_package": 1}, "upgrade_package: expected a text, or a list of texts, found 1"),
        ({"base": ["a"]}, "base: expected a text, found"),
        ({"platform": "windows"}, "platform: expected one of linux/amd64, linux/arm64, found 'windows'"),
    ],
)
def test_an_option_of_another_kind(options: dict[str, Any], message: str) -> None:
    """The error names the option, what it takes and what was found."""
    with pytest.raises(BuildRequestError) as caught:
        lock_target("main.py:handler", options, {})
    assert message in str(caught.value)
