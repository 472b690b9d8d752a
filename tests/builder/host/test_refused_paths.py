"""An inaccessible home or cache is reported as such, not as a refusing registry or a full disk."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ovenbird_builder.containers import engine_errors
from ovenbird_builder.containers.working_container import explain_missing_image
from ovenbird_builder.host.process import ProcessFailedError

SAID = {
    "registries": "reading registries.conf.d: lstat /home/x/.config/containers/registries.conf.d: permission denied",
    "storage": "failed to get container config: stat /home/x/.config/containers/storage.conf: permission denied",
    "login": "getting username and password: 1 error occurred: open /home/x/containers/auth.json: permission denied",
    "read-only": "mkdir /home/x/.local: read-only file system",
    "another owner": "chown /home/x/.local/share: operation not permitted",
}


@pytest.mark.parametrize("name", SAID)
def test_a_path_of_this_machine_is_named(name: str) -> None:
    """With the reason of the system and a hint, for every call of the engine."""
    error = ProcessFailedError(("skopeo",), 1, f'time="2026-01-01T00:00:00Z" level=fatal msg="{SAID[name]}"\n')
    assert not engine_errors.is_transient(error)
    for translated in (engine_errors.translate_error(error, "pull h/a:1"), explain_missing_image("h/a:1", error)):
        path, reason = SAID[name].rpartition(" /")[2].split(": ")
        assert translated.code == "build.image.engine"
        assert translated.message.endswith(f"'/{path}' of this machine: {reason}")
        assert ("REGISTRY_AUTH_FILE" if name == "login" else "XDG_CONFIG_HOME") in translated.hint


@pytest.fixture(params=[0, 0o500], ids=["unreadable", "read-only"])
def closed_folder(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A folder that this user may not write to, nor perhaps read."""
    folder = tmp_path / "closed"
    folder.mkdir(mode=request.param)
    yield folder
    folder.chmod(0o700)


def call(folder: Path, *words: str, **environ: str) -> tuple[int, str]:
    """Run a verb as a user who may not do all, which root may; its status and the last lines of stderr."""
    lesser = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    env = {name: value for name, value in os.environ.items() if not name.startswith(("OVENBIRD_", "XDG_"))}
    process = subprocess.run(
        [*lesser, sys.executable, "-m", "ovenbird", *words], cwd=folder, capture_output=True, text=True, check=False,
        env={**env, "OVENBIRD_LOG_FORMAT": "text", **environ},
    )  # fmt: skip
    assert "Traceback" not in process.stderr
    return process.returncode, "".join(process.stderr.splitlines(keepends=True)[-2:])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["HOME", "XDG_CACHE_HOME", "OVENBIRD_CACHE_DIR"])
def test_a_cache_of_others(tmp_path: Path, closed_folder: Path, name: str) -> None:
    """The folder that refuses is named, and the flag that names another."""
    (tmp_path / "main.py").write_text("def handler(): ...\n")
    cache = {"HOME": closed_folder / ".cache" / "ovenbird", "XDG_CACHE_HOME": closed_folder / "ovenbird"}.get(
        name, closed_folder
    )
    below = "" if cache == closed_folder else f" in '{closed_folder}'"
    message = (
        f"error: cannot write to the cache '{cache}': Permission denied{below}\n"
        "  hint: `--cache-dir DIR` (`OVENBIRD_CACHE_DIR`) names a folder that this user may write to\n"
    )
    for words in (("build", "main.py", "--list"), ("cache", "info")):
        assert call(tmp_path, *words, **{name: str(closed_folder)}) == (55, message)


@pytest.mark.parametrize("name", ["HOME", "XDG_CONFIG_HOME"])
def test_an_engine_that_may_not_read_its_configuration(tmp_path: Path, name: str) -> None:
    """It is no registry that refuses."""
    (tmp_path / "main.py").write_text("def handler(): ...\n")
    closed_folder = tmp_path / "closed"
    closed_folder.mkdir(mode=0)
    try:
        words = ("manifests", "main.py", "--image", "localhost:1/b:1", "--resolve")
        code, message = call(tmp_path, *words, **{name: str(closed_folder)})
    finally:
        closed_folder.chmod(0o700)
    assert code == 66, message
    assert f"'{closed_folder}/" in message
    assert "of this machine: permission denied" in message


@pytest.mark.slow
def test_an_unwritable_output_folder_is_refused_first(tmp_path: Path) -> None:
    """Told before anything is built, resolved or packed."""
    (tmp_path / "main.py").write_text("def handler(): ...\n")
    (tmp_path / "closed").mkdir()
    (tmp_path / "closed" / "main.py").write_text("def handler(): ...\n")
    (tmp_path / "closed").chmod(0o500)
    cache = str(tmp_path / "cache")
    try:
        for words, flag, status in (
            (("build", "main.py", "--result-file", "closed/r.json"), "--result-file: ", 20),
            (("build", "main.py", "--output", "oci-archive:closed/a.tar"), "--output: ", 20),
            (("build", "main.py", "--dry-run", "--output", "oci:closed/a"), "--output: ", 20),
            (("bundle", "main.py", "-o", "closed/b.tar"), "-o: ", 20),
            (("base", "build", "3.12", "--result-file", "closed/r.json"), "--result-file: ", 20),
            (("rebase", "localhost/x:1", "--base", "localhost/y:1", "--output", "oci:closed/x"), "--output: ", 20),
            (("lock", "closed/main.py"), "", 40),
        ):
            code, message = call(tmp_path, *words, OVENBIRD_CACHE_DIR=cache)
            path = f"{tmp_path}/closed/function.lock" if words[0] == "lock" else words[-1].rpartition(":")[2]
            assert message.startswith(f"error: {flag}cannot write '{path}': Permission denied\n"[: len(message)]), (
                message
            )
            assert code == status
    finally:
        (tmp_path / "closed").chmod(0o700)
