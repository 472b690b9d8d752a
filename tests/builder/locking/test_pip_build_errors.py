"""Causes that are read from pip's real output of failing builds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.orchard import project, sdist, wheel

from ovenbird_builder.locking import pip_build_errors

_LATE = "import atexit\ndef prepare_metadata_for_build_wheel(directory, config_settings=None):\n" + (
    "    os.makedirs(os.path.join(directory, 'late-2.0.dist-info'))\n"
    "    with open(os.path.join(directory, 'late-2.0.dist-info', 'METADATA'), 'w') as file:\n"
    "        file.write('Metadata-Version: 2.1\\nName: late\\nVersion: 2.0\\n')\n"
    "    return 'late-2.0.dist-info'\n"
    "if sys.argv[-2] == 'build_wheel': raise OSError('no compiler')\n"
)


def run_pip(folder: Path, *words: str) -> str:
    """Return pip's output for a wheel that cannot be built from the files of a folder."""
    flags = ("--isolated", "--disable-pip-version-check", "--no-index", f"--find-links={folder}", f"-w{folder}/out")
    process = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", *flags, *words], capture_output=True, text=True, check=False
    )
    assert process.returncode == 1
    return process.stderr + process.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "before", "message"),
    [
        ("early", "raise OSError('no figs')", "OSError: no figs"),
        ("late", "import sys\n" + _LATE, "OSError: no compiler"),
    ],
)
def test_the_failed_distribution_is_named(tmp_path: Path, name: str, before: str, message: str) -> None:
    """In the metadata step and in the build; distributions that succeeded before are not named."""
    sdist(tmp_path, "good-one", "1.0")
    sdist(tmp_path, name, "2.0", before=before)
    output = run_pip(tmp_path, "good-one", name)
    assert pip_build_errors.is_build_error(output)
    assert pip_build_errors.find_distribution(output)[:2] == (name, "2.0")
    assert pip_build_errors.extract_messages(output)[-1] == message
    assert not [line for line in pip_build_errors.extract_messages(output) if line.startswith("File ")]


@pytest.mark.slow
def test_the_requirer_is_named(tmp_path: Path) -> None:
    """The distribution that requires the failed one."""
    wheel(tmp_path, "asks", "1.0", "early")
    sdist(tmp_path, "early", "1.0", before="raise OSError('no figs')")
    output = run_pip(tmp_path, "asks")
    assert pip_build_errors.find_distribution(output) == ("early", "1.0", "asks")


@pytest.mark.slow
def test_a_missing_build_requirement_is_named(tmp_path: Path) -> None:
    """The missing build requirement is in the error, and is not mistaken for the name."""
    sdist(tmp_path, "needy", "1.0", by="nosuch-backend>=3")
    output = run_pip(tmp_path, "needy")
    assert pip_build_errors.find_distribution(output)[:2] == ("needy", "1.0")
    assert any("nosuch-backend>=3" in line for line in pip_build_errors.extract_messages(output))


@pytest.mark.slow
def test_a_folder_has_no_distribution_name(tmp_path: Path) -> None:
    """The caller names such a distribution by its origin."""
    folder = tmp_path / "lib"
    folder.mkdir()
    for name, text in project("plum", "1.5", before="raise OSError('no plums')").items():
        (folder / name).write_text(text)
    output = run_pip(tmp_path, str(folder))
    assert pip_build_errors.extract_messages(output)[-1] == "OSError: no plums"
    assert pip_build_errors.find_distribution(output)[1] == ""
