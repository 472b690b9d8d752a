"""docs/testing.md: its files are written, and its tests are run by pytest."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.wrapper.testing.test_pytest_plugin import run_pytest

from ovenbird.testing import pytest_plugin

PAGE = (Path(__file__).parents[3] / "docs" / "testing.md").read_text()


@pytest.mark.slow
def test_the_tests_of_the_page_pass(tmp_path: Path) -> None:
    """All of them, and they fail where the function is another one."""
    files = dict(re.findall(r"^```python\n# (\w+\.py)\n(.*?)^```$", PAGE, re.M | re.S))
    assert sorted(files) == ["main.py", "test_fixtures.py", "test_job.py", "test_main.py", "test_service.py"]
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    process = run_pytest(tmp_path)
    assert process.returncode == 0, process.stdout
    assert "9 passed" in process.stdout
    (tmp_path / "main.py").write_text(files["main.py"].replace("times: int", "times: str"))
    assert "failed" in run_pytest(tmp_path).stdout


def test_the_page_names_every_fixture() -> None:
    """In the table of fixtures."""
    fixtures = [name for name in vars(pytest_plugin) if name.startswith("ovenbird_")]
    assert len(fixtures) == 3
    assert [name for name in fixtures if f"| `{name}` |" not in PAGE] == []
