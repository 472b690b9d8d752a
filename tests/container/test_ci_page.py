"""docs/ci.md and the README's first lines are acted out in clean folders, as a runner of each forge would.

What they name and this machine has not is put in place: registries, the address of the repository, and apt-get, whose
packages are there. All else is as printed.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests import standins as making
from tests.builder.registries import PASSWORD, USER, with_password
from tests.container.conftest import ONE
from tests.engine import Images, skopeo
from tests.gitserver import GitServer, git

pytestmark = pytest.mark.timeout(900)
ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "ci.md").read_text()
README = (ROOT / "README.md").read_text()
ADDRESS = "https://git.example.com/ovenbird.git"
_SHIPPED = ("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "Dockerfile.base", "Dockerfile.builder",
            "Dockerfile.sdk", "images", "wrapper", "builder", "console")  # fmt: skip
_DOCUMENT = f"""
kind: python
name: greet
spec:
  python_version: "{ONE}"
  source: {{source: ., handler: "main:handler"}}
  requirements: [six]
"""
_SOURCE = 'import six\n\ndef handler(name: str = "you"):\n    return f"Hello {six.ensure_str(name)}"\n'


def read_block(language: str, number: int = 0, page: str = PAGE) -> str:
    """Return a code block of a page."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page, re.M | re.S)[number]


@pytest.fixture(scope="module")
def ovenbird(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a git repository that has Ovenbird as it is here."""
    root = tmp_path_factory.mktemp("repositories")
    folder = root / "ovenbird"
    folder.mkdir()
    for name in _SHIPPED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(ROOT / name, folder / name)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "--all", "--force")
    git(folder, "commit", "-q", "-m", "all")
    server = GitServer(root)
    yield f"{server.url}/ovenbird"
    server.close()


@pytest.fixture
def password_registry(tmp_path: Path) -> Iterator[str]:
    """A registry with a password."""
    with with_password(tmp_path / "guarded") as address:
        yield address


@pytest.fixture(scope="module")
def machine(
    tmp_path_factory: pytest.TempPathFactory, container_env: dict[str, str], registry: str, standins: Images
) -> Iterator[dict[str, str]]:
    """The environment of a machine on which no base was made; its Docker Hub is the registry of the session.

    The pages share it, so that the second to install Ovenbird finds what it needs there.
    """
    assert standins[ONE]
    folder = tmp_path_factory.mktemp("machine")
    programs = folder / "programs"
    programs.mkdir()
    for name, text in (("sudo", 'exec "$@"'), ("apt-get", "exit 0")):
        (programs / name).write_text(f"#!/bin/sh\n{text}\n")
        (programs / name).chmod(0o755)
    conf = folder / "registries.conf"
    conf.write_text(
        f'[[registry]]\nprefix = "docker.io"\nlocation = "{registry}"\ninsecure = true\n'
        f'[[registry]]\nlocation = "{registry}"\ninsecure = true\n'
    )
    storage = folder / "storage.conf"
    storage.write_text(f'[storage]\ndriver = "overlay"\ngraphroot = "{folder}/graph"\nrunroot = "{folder}/run"\n')
    home = folder / "home"
    home.mkdir()
    personal = ("OVENBIRD_", "XDG_", "PYTHONDONTWRITEBYTECODE")
    plain = {name: value for name, value in os.environ.items() if not name.startswith(personal)}
    env = plain | {
        "HOME": str(home), "PATH": f"{programs}:{Path(sys.executable).parent}:{plain['PATH']}", "CI": "true",
        "CONTAINERS_REGISTRIES_CONF": str(conf), "CONTAINERS_STORAGE_CONF": str(storage),
        "PIP_NO_COMPILE": "1", "PIP_CACHE_DIR": os.environ.get("PIP_CACHE_DIR") or str(Path.home() / ".cache" / "pip"),
    }  # fmt: skip
    for program in ("buildah", "skopeo", "git"):
        assert shutil.which(program)
    yield env
    for words in (["rm", "--all"], ["rmi", "--all", "--force"]):
        subprocess.run(["buildah", *words], env=env, capture_output=True, check=False)


@pytest.fixture
def project(tmp_path: Path, machine: dict[str, str]) -> Path:
    """A repository of a function, locked by the commands of the page."""
    folder = tmp_path / "project"
    git(folder, "init", "-q", "-b", "main")
    (folder / "function.yaml").write_text(_DOCUMENT)
    (folder / "main.py").write_text(_SOURCE)
    git(folder, "add", "--all")
    run_shell(read_block("sh"), folder, machine)
    assert "function.lock" in git(folder, "status", "--porcelain")
    git(folder, "commit", "-q", "-m", "a function")
    return folder


def run_shell(text: str, folder: Path, env: Mapping[str, str]) -> str:
    """Run commands as a CI step does, up to the first failure, and return the output."""
    process = subprocess.run(
        ["bash", "-e", "-c", text], cwd=folder, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    assert process.returncode == 0, f"{text}\n{process.stdout}"
    return process.stdout


class Workflow:
    """The one job of a workflow, on runners that have the cache of the runs before."""

    def __init__(self, text: str, project: Path, folder: Path, env: Mapping[str, str]) -> None:
        self.document, self.project, self.folder, self.env = yaml.safe_load(text), project, folder, dict(env)
        self.python = Path(env["HOME"]) / "ovenbird"
        self.outputs: dict[str, dict[str, str]] = {}
        self.output = self.summary = ""
        self.number = 0

    def run(self) -> None:
        """Run it in a clean folder."""
        self.number += 1
        path = self.folder / f"run-{self.number}"
        (path / "temp").mkdir(parents=True)
        self.workspace = path / "work"
        commit = git(self.project, "rev-parse", "HEAD")
        python = {"PATH": f"{self.python / 'bin'}:{self.env['PATH']}"}  # as setup-python leaves it
        env = self.env | python | self.document["env"] | {
            "GITHUB_ACTIONS": "true", "GITHUB_ACTOR": USER, "GITHUB_REPOSITORY": "Team/Greet", "GITHUB_SHA": commit,
            "GITHUB_WORKSPACE": str(self.workspace), "RUNNER_TEMP": str(path / "temp"),
            "GITHUB_STEP_SUMMARY": str(path / "summary"),
        }  # fmt: skip
        (job,) = self.document["jobs"].values()
        for number, step in enumerate(job["steps"]):
            if "uses" in step:
                self._use(step["uses"].partition("@")[0], {**step.get("with", {})})
                continue
            variables = {name: self._evaluate(str(value)) for name, value in step.get("env", {}).items()}
            output = path / f"output-{number}"
            output.touch()
            run = self._evaluate(step["run"])
            self.output += run_shell(run, self.workspace, env | variables | {"GITHUB_OUTPUT": str(output)})
            rows = (line.split("=", 1) for line in output.read_text().splitlines())
            self.outputs[step.get("id", str(number))] = dict(rows)
        self.summary = (path / "summary").read_text()
        shutil.copytree(self.workspace / self.cached, self.folder / "cache", dirs_exist_ok=True, symlinks=True)

    def _use(self, action: str, inputs: Mapping[str, str]) -> None:
        if action == "actions/checkout":
            git(self.folder, "clone", "-q", str(self.project), str(self.workspace))
        elif action == "actions/setup-python":
            if not self.python.is_dir():
                subprocess.run([sys.executable, "-m", "venv", str(self.python)], check=True)
        elif action == "actions/cache":
            self.cached = inputs["path"]
            assert self._evaluate(inputs["key"])
            if (self.folder / "cache").is_dir():
                shutil.copytree(self.folder / "cache", self.workspace / self.cached, symlinks=True)
        else:
            raise AssertionError(f"no runner knows {action}")

    def _evaluate(self, text: str) -> str:
        def value(match: re.Match[str]) -> str:
            values = {"secrets.GITHUB_TOKEN": PASSWORD, "runner.os": "Linux", "runner.arch": "X64"}
            if named := re.fullmatch(r"hashFiles\('(.+)'\)", match[1]):
                return hashlib.sha256((self.workspace / named[1]).read_bytes()).hexdigest()
            if named := re.fullmatch(r"steps\.(\w+)\.outputs\.(\w+)", match[1]):
                return self.outputs[named[1]][named[2]]
            return values[match[1]]

        return re.sub(r"\$\{\{ (.+?) \}\}", value, text)


def test_the_page_of_github_works_as_printed(
    project: Path, machine: dict[str, str], password_registry: str, ovenbird: str, tmp_path: Path
) -> None:
    """The first run pushes; the second, with its cache, finds that nothing has changed; the nightly rebase puts a new
    base below. No run leaves the password behind.
    """
    text = read_block("yaml").replace("ghcr.io", password_registry).replace(ADDRESS, ovenbird)
    workflow = Workflow(text, project, tmp_path / "github", machine)
    workflow.folder.mkdir()
    workflow.run()
    first = workflow.outputs["image"]
    assert first["changed"] == "true", workflow.output
    assert first["reference"] == f"{first['image']}@{first['digest']}"
    assert f"pushed {password_registry}/team/greet:" in workflow.output
    assert "| greet | built |" in workflow.summary
    result = json.loads((workflow.workspace / "result.json").read_text())
    assert result["digest"] == first["digest"]
    assert result["base"]["name"] == f"docker.io/library/python:{ONE}-slim"
    assert result["lock"]["path"] == "function.lock"
    workflow.run()
    second = workflow.outputs["image"]
    assert (second["changed"], second["digest"]) == ("false", first["digest"]), workflow.output
    assert not list(workflow.folder.glob("run-*/temp/registry"))

    name = _push_new_base(password_registry, tmp_path)
    line = read_block("sh", 1).replace("registry.example/library/python:3.12-slim", name)
    (project / "auth.json").write_text(_encode_auth(password_registry))
    output = run_shell(line, project, machine | {"image": f"{password_registry}/team/greet"})
    assert json.loads(output.splitlines()[-1])["digest"] not in (first["digest"], ""), output


def test_the_page_of_gitlab_works_as_printed(
    project: Path, machine: dict[str, str], password_registry: str, ovenbird: str, tmp_path: Path
) -> None:
    """The scripts of the job run in one shell, the one after them in another; what it names as artifacts is there."""
    document: dict[str, Any] = yaml.safe_load(read_block("yaml", 1).replace(ADDRESS, ovenbird))
    (job,) = document.values()
    work = tmp_path / "gitlab"
    git(tmp_path, "clone", "-q", str(project), str(work))
    env = machine | job["variables"] | {
        "GITLAB_CI": "true", "CI_REGISTRY_USER": USER, "CI_REGISTRY_PASSWORD": PASSWORD,
        "CI_REGISTRY_IMAGE": f"{password_registry}/team/greet", "CI_COMMIT_SHA": git(work, "rev-parse", "HEAD"),
    }  # fmt: skip
    run_shell("\n".join([*job["before_script"], *job["script"]]), work, env)
    run_shell("\n".join(job["after_script"]), work, env)
    assert not (Path(env["HOME"]) / "registry").exists()
    (path,) = job["artifacts"]["paths"]
    result = json.loads((work / path).read_text())
    rows = (line.split("=", 1) for line in (work / job["artifacts"]["reports"]["dotenv"]).read_text().splitlines())
    variables = dict(rows)
    assert variables["IMAGE_REFERENCE"] == f"{password_registry}/team/greet:{env['CI_COMMIT_SHA']}@{result['digest']}"
    (cache_folder,) = job["cache"]["paths"]
    assert (work / cache_folder / "CACHEDIR.TAG").is_file()


def test_the_readme_leads_to_a_pushed_image(
    machine: dict[str, str], registry: str, ovenbird: str, tmp_path: Path
) -> None:
    """Six lines, from an empty folder, and the last one runs the image."""
    (text,) = [block for block in re.findall(r"^```sh\n(.*?)^```$", README, re.M | re.S) if ADDRESS in block]
    assert len(text.splitlines()) == 6
    folder = tmp_path / "empty"
    folder.mkdir()
    image = f"{registry}/readme-{tmp_path.name}/greet"
    text = text.replace(ADDRESS, ovenbird).replace("registry.example.com/greet", image)
    output = run_shell(text, folder, machine | {"OVENBIRD_PYTHON": ONE})
    assert "Hello Ada" in output.splitlines()[-5:], output  # podman passes stdout and stderr on by themselves
    assert [path.name for path in folder.iterdir() if path.name != "__pycache__"] == ["main.py"]


def _encode_auth(address: str) -> str:
    login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    return json.dumps({"auths": {address: {"auth": login}}})


def _push_new_base(address: str, folder: Path) -> str:
    """Push the stand-in with another label, as a patched base would be another image; its name."""
    path = folder / "new-base"
    shutil.copytree(making.layout(ONE), path)
    blobs = path / "blobs" / "sha256"

    def put(data: Any) -> dict[str, Any]:
        text = json.dumps(data).encode()
        digest = hashlib.sha256(text).hexdigest()
        (blobs / digest).write_bytes(text)
        return {"digest": f"sha256:{digest}", "size": len(text)}

    index = json.loads((path / "index.json").read_text())
    manifest = json.loads((blobs / index["manifests"][0]["digest"].partition(":")[2]).read_text())
    config = json.loads((blobs / manifest["config"]["digest"].partition(":")[2]).read_text())
    config["config"]["Labels"] = {"patched": "yes"}
    manifest["config"] |= put(config)
    index["manifests"][0] |= put(manifest)
    (path / "index.json").write_text(json.dumps(index))
    (folder / "auth.json").write_text(_encode_auth(address))
    name = f"{address}/library/python:{ONE}-slim"
    skopeo(
        "copy", "--quiet", "--dest-tls-verify=false", "--authfile", str(folder / "auth.json"), f"oci:{path}",
        f"docker://{name}",
    )  # fmt: skip
    return name
