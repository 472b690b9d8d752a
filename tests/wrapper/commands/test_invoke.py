"""`ovenbird invoke` by its process: what a signal does."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest
from tests import starts
from tests.service import wait_until

_WAITS = """
import asyncio
import time
from pathlib import Path

{form}
    Path("started").touch()
    {wait}
"""


@pytest.mark.parametrize(("form", "wait"), [
    ("def handler():", "time.sleep(3600)"), ("async def handler():", "await asyncio.sleep(3600)"),
], ids=["sync", "async"])  # fmt: skip
def test_ctrl_c_is_no_failure_of_the_function(tmp_path: Path, form: str, wait: str) -> None:
    """The status is that of Ctrl-C, and the log has a call whose client has left."""
    (tmp_path / "main.py").write_text(_WAITS.format(form=form, wait=wait))
    process = starts.start(
        ["invoke", "main.py"], cwd=tmp_path, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    wait_until((tmp_path / "started").exists, lambda: "the handler was not called")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, ""), err
    assert "GET / 499" in err
    assert "raised" not in err
