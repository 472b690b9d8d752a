"""How a container learns what to run: variables, function documents, verbs, and the environment of the platform."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.container.conftest import ONE, Mounted
from tests.engine import Images
from tests.podman import Podman

GREET = """
    import os

    def init(context, greeting="hi"):
        context.greeting = greeting

    def handler(context, name: str = "you"):
        return f"{context.greeting} {name}"
"""
DOCUMENT = """
    name: greet
    kind: python
    project: shop
    spec:
      python_version: PYTHON3_13
      source: {source: SOURCE, handler: "greet:handler", init_function: init}
"""
PLATFORM = {
    "PROJECT_NAME": "p1",
    "RUN_ID": "3f0c8ab1b7d04d0e9a2f6f1c5f8f2b11",
    "PYTHONPATH": "/shared",
    "DHCORE_NAMESPACE": "digitalhub",
    "DHCORE_CLIENT_ID": "c_test",
    "DHCORE_DEFAULT_FILES_STORE": "/tmp/files",
    "AWS_ACCESS_KEY_ID": "key-of-the-store",
    "AWS_SECRET_ACCESS_KEY": "secret-of-the-store",
    "AWS_SESSION_TOKEN": "token-of-the-store",
    "AWS_ENDPOINT_URL": "http://minio:9000",
    "AWS_REGION": "us-east-1",
    "S3_BUCKET": "datalake",
    "S3_PATH_STYLE": "true",
    "S3_SIGNATURE_VERSION": "s3v4",
    "DB_PASSWORD": "secret-of-the-base",
}


def make_flags(**values: str) -> tuple[str, ...]:
    """Flags that set variables."""
    return tuple(f"--env={name}={value}" for name, value in values.items())


def test_everything_by_variables(base_images: Images, podman: Podman, mount_sources: Mounted) -> None:
    """Target, port, workers, init and the rest come from the environment; the command is the image's own."""
    flags = make_flags(
        OVENBIRD_TARGET="main.py:handler",
        OVENBIRD_PORT="9000",
        OVENBIRD_WORKERS="2",
        OVENBIRD_METHODS="POST",
        OVENBIRD_INIT_PARAMETERS='{"greeting": "ciao"}',
        OVENBIRD_ACCESS_LOG="off",
    )
    service = podman.start(base_images[ONE], flags=(*flags, *mount_sources({"main.py": GREET})), port=9000).wait_ready()
    service.wait_log("2 workers are ready")
    assert service.call({"name": "ada"}).text == "ciao ada"
    assert service.get().status_code == 405
    assert service.exec("ovenbird", "health").returncode == 0
    assert service.stop() == 0
    assert "POST" not in service.log


def test_a_variable_that_does_not_parse(base_images: Images, podman: Podman) -> None:
    """It ends the container with the status of settings, and names the variable and the value."""
    process = podman.run(base_images[ONE], flags=make_flags(OVENBIRD_PORT="http"))
    assert process.returncode == 70
    assert "OVENBIRD_PORT: expected a whole number from 0 to 65535, found 'http'" in process.stderr


@pytest.mark.parametrize("path", ["/shared/function.yaml", "/opt/ovenbird/function.yaml"])
def test_a_function_document(path: str, base_images: Images, podman: Podman, mount_sources: Mounted) -> None:
    """With a document at one of its places, the image alone serves; `run`, `job` and `check` mean that function too."""
    built_in = path.startswith("/opt")
    source = "/shared/greet.py" if built_in else "greet.py"
    name = "built-in.yaml" if built_in else "function.yaml"
    flags = mount_sources({"greet.py": GREET, name: DOCUMENT.replace("SOURCE", source)})
    if built_in:
        flags = (*flags, "--volume", f"{flags[1].partition(':')[0]}/{name}:{path}:ro")
    image = base_images[ONE]
    assert podman.start(image, flags=flags).wait_ready().call({"name": "ada"}).text == "hi ada"
    checked = podman.run(image, "check", "--json", flags=flags)
    assert json.loads(checked.stdout)["target"] == "greet:handler", checked.stderr
    for verb in ("run", "job"):
        process = podman.run(image, verb, "--param", "name=bo", "--init", "greeting=ciao", flags=flags)
        assert process.returncode == 0, process.stderr
        assert "result output_0: ciao bo" in process.stderr
        assert "store://shop/run/python+job:run/" in process.stderr


@pytest.mark.parametrize("verb", ["serve", "run", "check"])
def test_an_image_without_a_function(verb: str, base_images: Images, podman: Podman) -> None:
    """The error has a hint and the status of the function document."""
    process = podman.run(base_images[ONE], verb)
    assert process.returncode == 71
    record = json.loads(process.stderr)
    assert "no function" in record["message"]
    assert "/shared" in record["message"]
    assert "podman run -p 8080:8080 -v" in record["hint"]


def test_a_job_in_the_environment_of_the_platform(base_images: Images, podman: Podman, mount_sources: Mounted) -> None:
    """With its variables and without its server: the run has project and id, and no secret is shown."""
    source = """
        import beside  # on PYTHONPATH

        def handler(run, project):
            return f"{project.name} {beside.NAME}"
    """
    flags = (*mount_sources({"main.py": source, "beside.py": "NAME = 'beside'"}), *make_flags(**PLATFORM))
    process = podman.run(base_images[ONE], "run", "main.py", flags=flags)
    assert process.returncode == 0, process.stderr
    assert "result output_0: p1 beside" in process.stderr
    assert not [word for word in PLATFORM.values() if "-of-the-" in word and word in process.stderr + process.stdout]


def test_a_service_in_the_environment_of_the_platform(
    base_images: Images, podman: Podman, mount_sources: Mounted
) -> None:
    """The same for a service: it serves, and its variables reach the function."""
    source = "import os\ndef handler(context): return f'{context.project.name} {os.environ[\"S3_BUCKET\"]}'\n"
    flags = (*mount_sources({"main.py": source}), *make_flags(**PLATFORM))
    service = podman.start(base_images[ONE], "serve", "main.py", flags=flags).wait_ready()
    assert service.call({}).text == "p1 datalake"
    assert not [word for word in PLATFORM.values() if "-of-the-" in word and word in service.log]


def test_a_result_file_that_is_mounted(base_images: Images, podman: Podman, mount_sources: Mounted) -> None:
    """A single file that is mounted, as clusters do for a container's last words, gets the result."""
    flags = mount_sources({"main.py": "def handler(): return 7", "last-words": ""})
    path = flags[1].partition(":")[0] + "/last-words"
    flags = (*flags, "--user=0:0", "--volume", f"{path}:/dev/termination-log")
    process = podman.run(base_images[ONE], "run", "main.py", "--result-file", "/dev/termination-log", flags=flags)
    assert process.returncode == 0, process.stderr
    assert json.loads(Path(path).read_text())["results"] == {"output_0": 7}
