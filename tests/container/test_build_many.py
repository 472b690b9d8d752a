"""`ovenbird build functions/*`: each is built, what did not change is left alone, one failure stops no other."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from tests.builds import Builds
from tests.container.conftest import ONE
from tests.engine import Images

pytestmark = pytest.mark.timeout(600)
_DOCUMENT = """
kind: python
name: {name}
spec:
  source: {{source: main.py, handler: handler}}
  requirements: {needs}
"""


def _write(builds: Builds, name: str, text: str, needs: str = "[]") -> None:
    folder = builds.source / "functions" / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "function.yaml").write_text(_DOCUMENT.format(name=name, needs=needs))
    (folder / "main.py").write_text(f"def handler():\n    return {text!r}\n")


def test_many_functions(base_images: Images, registry: str, tmp_path: Path, build_cache: Path) -> None:
    """Two are pushed and one fails: the status is its own, and results, outputs and table tell all three. The second
    call touches what changed alone; manifests are made of its results.
    """
    builds = Builds(tmp_path, cache=build_cache, OVENBIRD_BASE=base_images[ONE], OVENBIRD_PYTHON=ONE)
    for name in ("apple", "pear"):
        _write(builds, name, name)
    _write(builds, "broken", "x", '["./no-such-folder"]')
    targets = [f"functions/{name}" for name in ("apple", "broken", "pear")]
    tag = f"{registry}/many-{tmp_path.name}/{{name}}:1"
    words = (*targets, "--tag", tag, "--push", "--result-file", "{name}.json", "--dotenv-file", "image.env")
    result = builds.run(*words, GITHUB_OUTPUT=str(tmp_path / "output"), GITHUB_STEP_SUMMARY=str(tmp_path / "summary"))
    rows = json.loads(result.out)["functions"]
    assert [row["function"]["name"] for row in rows] == ["apple", "broken", "pear"]
    assert result.status == rows[1]["error"]["exit_code"], result.err
    assert 30 <= result.status < 50
    assert [row.get("changed") for row in rows] == [True, None, True]
    assert "2 built, 0 unchanged, 1 failed" in result.err
    for row, name in zip(rows, ("apple", "broken", "pear"), strict=True):
        assert json.loads((builds.source / f"{name}.json").read_text()) == row
    outputs = dict(line.split("=", 1) for line in (tmp_path / "output").read_text().splitlines())
    assert json.loads(outputs["images"]) == {
        row["function"]["name"]: f"{row['image']}@{row['digest']}" for row in rows if "digest" in row
    }
    assert "| broken | failed |" in (tmp_path / "summary").read_text()
    assert f"IMAGE_DIGEST_PEAR={rows[2]['digest']}" in (builds.source / "image.env").read_text()
    for row in (rows[0], rows[2]):
        path = row["image"].partition("/")[2].removesuffix(":1")
        url = f"http://{registry}/v2/{path}/manifests/{row['digest']}"
        accept = {"Accept": "application/vnd.oci.image.manifest.v1+json"}
        assert httpx.head(url, headers=accept, trust_env=False, verify=False, timeout=30).status_code == 200

    _write(builds, "broken", "mended")
    _write(builds, "pear", "another")
    again = builds.ok(*words[:-4])["functions"]
    assert [row["changed"] for row in again] == [False, True, True]
    assert again[0]["digest"] == rows[0]["digest"]
    assert all(layer["hit"] for layer in again[0]["layers"])
    assert again[2]["base"] == rows[2]["base"]
    (builds.source / "result.json").write_text(json.dumps({"functions": again}))
    process = subprocess.run(
        [sys.executable, "-m", "ovenbird", "manifests", "--build-result", "result.json", "--json"], cwd=builds.source,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    pods = [
        item["spec"]["template"]["spec"] for item in json.loads(process.stdout)["items"] if item["kind"] != "Service"
    ]
    images = [pod["containers"][0]["image"] for pod in pods]
    assert images == [f"{row['image']}@{row['digest']}" for row in again]
