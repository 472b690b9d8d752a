"""docs/jobs.md teaches a first hour: its files are written and its commands are run, as they are printed."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.terminal import run_on_terminal

PAGE = Path(__file__).parent.parent / "docs" / "jobs.md"
_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)
_STEP = "=== step "
_NETWORK = "ip link set lo up && exec bash page.sh"
"""The page's port is taken in a network of its own; where that cannot be had, another port takes its place."""


def _write_page(folder: Path) -> list[str]:
    """Write the page's files and one script of its commands into a folder; the commands, block by block."""
    blocks = []
    lines = ["set -e"]
    for language, text in _FENCE.findall(PAGE.read_text()):
        if language == "python" and (named := re.match(r"# (\w+\.py)\n", text)):
            command = f"cat > {named[1]} <<'END_OF_FILE'\n{text}END_OF_FILE"
            lines.append(command)
        elif language == "sh":
            lines += [f"echo '{_STEP}{len(blocks)}'", text.rstrip("\n")]
            blocks.append(text)
    (folder / "page.sh").write_text("\n".join([*lines, "echo ok"]) + "\n")
    return blocks


def _command(folder: Path) -> list[str]:
    """Return what runs the script: in a network of its own, else with a port that is free now."""
    alone = ["unshare", "--net", "--map-root-user", "bash", "-c", _NETWORK]
    if shutil.which("unshare") and subprocess.run([*alone[:-1], "ip link set lo up"], check=False).returncode == 0:
        return alone
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    script = folder / "page.sh"
    script.write_text(script.read_text().replace("8080", str(port)))
    return ["bash", "page.sh"]


def _environment() -> dict[str, str]:
    """Return the environment of a person who has just installed Ovenbird."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("OVENBIRD_", "PORT", "DHCORE_"))}
    return env | {
        "PATH": f"{Path(sys.executable).parent}:{env['PATH']}", "COLUMNS": "160", "TERM": "dumb", "no_proxy": "*",
    }  # fmt: skip


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_first_hour_can_be_pasted(tmp_path: Path) -> None:
    """Every command of the page succeeds, and prints what the page shows."""
    blocks = _write_page(tmp_path)
    code, output, _ = run_on_terminal(_command(tmp_path), _environment(), tmp_path, merged=True)
    assert code == 0, output
    assert output.endswith("ok\n"), output
    steps = re.split(rf"^{_STEP}\d+\n", output, flags=re.M)[1:]
    assert len(steps) == len(blocks) == 8
    data, train, look, change, compare, serve, sweeps, reuse = steps
    assert re.search(r"^ +6  \w{8}  COMPLETED +[0-9.]+  depth=7 seed=2 +score=0\.68$", sweeps, re.M)
    assert re.search(r"^ +2  \w{8}  COMPLETED +[0-9.]+  depth=4 rate=0.2 seed=2 +score=0\.78$", sweeps, re.M)
    assert re.search(r"^ *5 +2 +0.48$", sweeps, re.M)
    assert reuse.count('{"score": 0.9}') == 2
    assert re.search(r"^ +2  \w{8}  COMPLETED +[0-9.]+  depth=9 +score=0\.9 \(reused\)$", reuse, re.M)
    assert "3 of 3 lines: 3 COMPLETED, 1 reused" in reuse
    assert "[178 rows x 14 columns]" in data
    assert "store://default/dataitem/table/wines" in data
    assert re.search(r'"wine": "store://default/model/sklearn/wine:\w+",\s+"accuracy": 0\.\d+', train)
    assert re.search(r"^ID +NAME +STATE", look, re.M)
    assert "test accuracy: 0." in look
    assert "(40 values, least" in look
    assert "consumes store://default/dataitem/table/wines:" in look
    assert change.count('"accuracy": ') == 3
    head = next(line for line in compare.splitlines() if line.startswith("ID "))
    assert {"depth", "rate"} <= set(head.split())
    assert head.split()[-2:] == ["test", "accuracy"]
    assert re.search(r"^NAME +rate +depth +accuracy +try$", compare, re.M)
    assert re.search(r"^\* +param.rate +(0\.1)? +0\.01$", compare, re.M)
    assert re.search(r"^\* +param.rounds +40 +80$", compare, re.M)
    assert re.search(r"^\* +code.digest +sha256:", compare, re.M)
    assert '{"kind":0}' in serve
