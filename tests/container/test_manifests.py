"""The rights of a manifest suffice for the function and for the builder, in real containers."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.engine import Images
from tests.podman import Podman

from ovenbird_builder import cli

DOCUMENT = """\
kind: python
name: greet
spec:
  python_version: "3.11"
  source:
    handler: "main:greet"
    init_function: prepare
    code: |
      import os, pathlib, tempfile

      def prepare(context, word="hello"):
          context.word = word

      def greet(context, name="world", n=0):
          with tempfile.NamedTemporaryFile() as file:
              file.write(b"x")
          try:
              pathlib.Path("here.txt").write_text("x")
              raise AssertionError("the root can be written")
          except OSError:
              pass
          return f"{context.word} {name} {n} {os.getuid()}:{os.getgid()}"
"""


def read_pod(folder: Path, capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    """Return the pod that `ovenbird manifests` makes of the document in a folder."""
    (folder / "function.yaml").write_text(DOCUMENT)
    capsys.readouterr()
    assert cli.main(["manifests", str(folder), *words]) == 0
    documents = list(yaml.safe_load_all(capsys.readouterr().out))
    (spec,) = [item["spec"]["template"]["spec"] for item in documents if "template" in item.get("spec", {})]
    return dict(spec)


def make_flags(spec: dict[str, Any], **folders: Path) -> tuple[str, ...]:
    """Return podman's flags for the pod's container; `folders` replace volumes by name."""
    (container,) = spec["containers"]
    identity, rights = spec["securityContext"], container["securityContext"]
    flags = ["--user", f"{identity['runAsUser']}:{identity['runAsGroup']}", "--read-only-tmpfs=false"]
    flags += ["--read-only"] if rights["readOnlyRootFilesystem"] else []
    flags += [] if rights["allowPrivilegeEscalation"] else ["--security-opt", "no-new-privileges"]
    flags += ["--security-opt", "seccomp=unconfined"] if identity["seccompProfile"]["type"] == "Unconfined" else []
    for verb in ("drop", "add"):
        flags += [word for name in rights["capabilities"].get(verb, ()) for word in (f"--cap-{verb}", name)]
    for item in container["env"]:
        flags += ["--env", f"{item['name']}={item['value']}"]
    for mount in container["volumeMounts"]:
        if mount["name"] in folders:
            flags += ["--volume", f"{folders[mount['name']]}:{mount['mountPath']}"]
        else:
            flags += ["--tmpfs", f"{mount['mountPath']}:mode=1777"]
    return tuple(flags)


def test_a_service_with_the_least_of_rights(
    base_images: Images, podman: Podman, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It starts, answers its probes, and serves; its init has the parameters of the manifest."""
    image = base_images["3.11"]
    spec = read_pod(tmp_path, capsys, "--image", image, "--action", "serve", "--init", "word=$(HOME) hi")
    (container,) = spec["containers"]
    variable = next(item for item in container["env"] if item["name"] == "OVENBIRD_INIT_PARAMETERS")
    variable["value"] = variable["value"].replace("$$", "$")  # as the kubelet does
    mounted = ("--volume", f"{tmp_path}/function.yaml:/shared/function.yaml:ro")
    service = podman.start(image, *container["args"], flags=(*make_flags(spec), *mounted))
    service.wait_ready(container["startupProbe"]["httpGet"]["path"])
    assert service.get(container["livenessProbe"]["httpGet"]["path"]).status_code == 200
    assert service.post(json={"name": "you"}).text == "$(HOME) hi you 0 8877:999"


def test_each_index_runs_its_line(
    base_images: Images, podman: Podman, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what Kubernetes sets for an index, and with an index that no line has."""
    image = base_images["3.11"]
    (tmp_path / "each.jsonl").write_text('{"n": 1}\n{"n": 2, "name": "second"}\n')
    spec = read_pod(tmp_path, capsys, "--image", image, "--each", f"{tmp_path}/each.jsonl", "--param", "name=all")
    (tmp_path / "each").mkdir()
    (tmp_path / "each" / "params.jsonl").write_text((tmp_path / "each.jsonl").read_text())
    tmp_path.chmod(0o755)
    mounted = (
        *make_flags(spec, each=tmp_path / "each"),
        "--volume",
        f"{tmp_path}/function.yaml:/shared/function.yaml:ro",
    )
    args = spec["containers"][0]["args"]
    ended = [
        podman.run(image, *args, flags=(*mounted, "--env", f"JOB_COMPLETION_INDEX={index}"))
        for index in ("0", "1", "2")
    ]
    assert [process.returncode for process in ended] == [0, 0, 77], ended[0].stderr
    assert "hello all 1 8877:999" in ended[0].stderr
    assert "hello second 2 8877:999" in ended[1].stderr


@pytest.mark.timeout(600)
def test_the_builders_image_builds_without_root(
    base_images: Images, builder_images: Images, podman: Podman, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    """The image of Dockerfile.builder, with the rights that its Job has, builds with an instruction, and pushes."""
    builder = builder_images["3.13"]
    tag = f"{builder.partition('/')[0]}/built/greet:1"
    spec = read_pod(tmp_path, capsys, "--image", builder, "--tag", tag, "--instruction", "id -u > /made-by")
    for name in ("home", "function"):
        (tmp_path / name).mkdir()
    os.chown(tmp_path / "home", 0, spec["securityContext"]["fsGroup"])  # as the kubelet does for `fsGroup`
    (tmp_path / "home").chmod(0o2777)
    (tmp_path / "function" / "function.yaml").write_text(DOCUMENT)
    conf = Path(os.environ["CONTAINERS_REGISTRIES_CONF"])
    conf.chmod(0o644)
    mounted = make_flags(spec, home=tmp_path / "home", function=tmp_path / "function")
    mounted += ("--network", "host", "--volume", f"{conf}:/etc/containers/registries.conf:ro")
    words = (*spec["containers"][0]["args"], "--base", base_images["3.11"])
    process = podman.run(builder, *words, flags=mounted, timeout=300)
    assert process.returncode == 0, process.stderr
    assert json.loads(process.stdout)["image"] == tag
    ran = podman.run(tag, "/made-by", flags=("--entrypoint", "cat"))
    assert ran.stdout.strip() == "0"
