from __future__ import annotations

from pathlib import Path

import pytest

from ovenbird.serve.server.oom import memory_kills


@pytest.mark.slow
def test_kills_are_counted_in_both_forms_of_cgroups(tmp_path: Path) -> None:
    """The counter is read where the kernel has one; elsewhere the count is zero."""
    assert memory_kills(str(tmp_path)) == 0
    (tmp_path / "memory").mkdir()
    (tmp_path / "memory/memory.oom_control").write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 3\n")
    assert memory_kills(str(tmp_path)) == 3
    (tmp_path / "memory.events").write_text("low 0\nhigh 0\nmax 12\noom 1\noom_kill 1\noom_group_kill 0\n")
    assert memory_kills(str(tmp_path)) == 1
    (tmp_path / "memory.events").write_text("")
    assert memory_kills(str(tmp_path)) == 3
