"""What the builder does for the API, and what is said where it is not there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ovenbird.api.actions import open_action
from ovenbird.errors import SettingsError

pytestmark = pytest.mark.slow


def test_a_builder_that_is_not_there() -> None:
    """One error, with the command that installs it; so too where a package of the builder is missing."""
    with (
        pytest.raises(SettingsError, match=r"the builder, .* is not installed here \(.*.*\[build\]"),
        open_action("no-such-action"),
    ):
        raise AssertionError
    with (
        pytest.raises(SettingsError, match=r"the builder needs the package 'no_such_package' \(.*.*\[build\]"),
        open_action("build"),
    ):
        raise ModuleNotFoundError("No module named 'no_such_package'", name="no_such_package")


def test_the_api_imports_no_builder(folder: Path) -> None:
    """A function that is only defined and mapped loads neither the builder nor a service."""
    script = (
        "import sys, ovenbird as ob; list(ob.function('train.py:train').map([{}]));"
        "print([name for name in sys.modules if name.split('.')[0] == 'ovenbird_builder' or 'ovenbird.serve' in name])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
