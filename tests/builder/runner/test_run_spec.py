"""Mounts, variables and command of a container."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest

from ovenbird import settings as table
from ovenbird_builder.errors import BuildRequestError
from ovenbird_builder.runner import run_spec
from ovenbird_builder.runner.run_spec import ContainerRunSpec, Mount


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make_run_spec(
    verb: str, environ: dict[str, str] | None = None, terminal: bool = False, **flags: Any
) -> ContainerRunSpec:
    """Return a launch from flags by name."""
    environ = environ or {}
    return run_spec.make_run_spec(verb, table.resolve(verb, flags, environ), flags, environ, terminal=terminal)


def test_a_store_that_is_a_broken_link_is_named(folder: Path) -> None:
    """It is not made, as the disk that it leads to may not be mounted."""
    (folder / ".ovenbird").symlink_to(folder / "disk/records")
    with pytest.raises(BuildRequestError, match=r"OVENBIRD_HOME: cannot make the folder '.ovenbird': .* is a link to"):
        make_run_spec("run")
    assert not (folder / "disk").exists()


def test_the_store_keeps_its_path(folder: Path) -> None:
    """It is made as the store makes it, mounted to be written to, and named."""
    spec = make_run_spec("run")
    assert spec.mounts == (Mount(folder / ".ovenbird", f"{folder}/.ovenbird", True),)
    assert spec.environ == {"OVENBIRD_HOME": f"{folder}/.ovenbird"}
    assert (folder / ".ovenbird" / ".gitignore").read_text() == "*\n"


def test_flags_become_variables() -> None:
    """A flag wins over its variable; what belongs to another verb or to this machine stays outside."""
    environ = {
        "OVENBIRD_TIMEOUT": "5s", "OVENBIRD_GRACE": "9", "OVENBIRD_LOG_LEVEL": "debug", "PATH": "/bin", "USER": "ada",
        "PROJECT_NAME": "p", "AWS_REGION": "x", "AWS_CA_BUNDLE": "/etc/ca.pem", "DHCORE_ENDPOINT": "http://core",
        "OPENLINEAGE_URL": "http://m", "MLFLOW_TRACKING_URI": "mlruns", "MLFLOW_TRACKING_SERVER_CERT_PATH": "/m.pem",
        "OVENBIRD_IMAGE": "a:1", "TOKEN": "t", "OTHER": "o", "OVENBIRD_TARGET": "main.py", "OVENBIRD_QUEUE": "3",
    }  # fmt: skip
    variables = dict(make_run_spec("run", environ, timeout="7s", env="TOKEN").environ)
    del variables["OVENBIRD_HOME"]
    assert variables == {
        "OVENBIRD_TIMEOUT": "7s", "OVENBIRD_LOG_LEVEL": "debug", "PROJECT_NAME": "p", "AWS_REGION": "x",
        "DHCORE_ENDPOINT": "http://core", "TOKEN": "t", "OVENBIRD_GRACE": "9", "OPENLINEAGE_URL": "http://m",
    }  # fmt: skip


def test_a_sweep_in_a_container(folder: Path) -> None:
    """Its file is mounted, and values of a grid stay flags, as those of parameters do; stdin stays outside."""
    (folder / "each.jsonl").write_text("{}")
    spec = make_run_spec("run", each="each.jsonl", grid=["n=1,007", "m=x"], parallel="2", reuse="true")
    assert spec.words == ("run", "--grid=n=1,007", "--grid=m=x")
    assert Mount(folder / "each.jsonl", "/run/ovenbird/each/each.jsonl") in spec.mounts
    assert spec.environ["OVENBIRD_EACH"] == "/run/ovenbird/each/each.jsonl"
    assert (spec.environ["OVENBIRD_PARALLEL"], spec.environ["OVENBIRD_REUSE"]) == ("2", "true")
    with pytest.raises(BuildRequestError, match="stdin stays outside"):
        make_run_spec("run", each="-")


def test_parameters_keep_their_text() -> None:
    """Parameters of init are one variable; those of the handler stay flags, since its hints decide 007 or 7."""
    environ = {"OVENBIRD_INIT_PARAMETERS": '{"a": 1, "b": 2}', "OVENBIRD_PARAM": '{"c": 3}'}
    spec = make_run_spec("run", environ, init=["b=x"], param=["n=007"])
    assert spec.words == ("run", "--param=n=007")
    assert json.loads(spec.environ["OVENBIRD_INIT_PARAMETERS"]) == {"a": 1, "b": "x"}
    assert spec.environ["OVENBIRD_PARAM"] == '{"c": 3}'


def test_inputs_are_mounted_at_their_own_paths(folder: Path) -> None:
    """A local path keeps its name, so that lineage is true outside; a key and a URL go as they are."""
    (folder / "data.csv").write_text("a\n")
    key = "store://p/dataitem/table/t"
    spec = make_run_spec("run", input=["a=data.csv", f"b={key}", "c=https://x/y.csv", f"d=file://{folder}/data.csv"])
    assert json.loads(spec.environ["OVENBIRD_INPUT"]) == {
        "a": f"{folder}/data.csv",
        "b": key,
        "c": "https://x/y.csv",
        "d": f"{folder}/data.csv",
    }
    assert spec.mounts[1:] == (Mount(folder / "data.csv", f"{folder}/data.csv"),)


def test_an_input_does_not_cover_the_image() -> None:
    """A folder that an image has too is mounted elsewhere."""
    spec = make_run_spec("run", input=["a=/etc/hostname", "b=/usr/bin"])
    assert json.loads(spec.environ["OVENBIRD_INPUT"]) == {
        "a": "/run/ovenbird/input/a/hostname",
        "b": "/run/ovenbird/input/b/bin",
    }
    with pytest.raises(BuildRequestError, match="--files-store: '/usr' cannot be mounted"):
        make_run_spec("run", files_store="/usr")


def test_files_that_are_written(folder: Path) -> None:
    """The folders of the result file and of the outputs are made and mounted; a store that is a URL is not."""
    (folder / "p.yaml").write_text("{}")
    spec = make_run_spec(
        "run", {"OVENBIRD_PARAMS": "p.yaml"}, result_file="out/r.json", output_dir="o", files_store="s3://b"
    )
    assert spec.mounts[1:] == (
        Mount(folder / "p.yaml", "/run/ovenbird/params/p.yaml"),
        Mount(folder / "out", "/run/ovenbird/result", True),
        Mount(folder / "o", "/run/ovenbird/output", True),
    )
    assert spec.environ["OVENBIRD_PARAMS"] == "/run/ovenbird/params/p.yaml"
    assert spec.environ["OVENBIRD_RESULT_FILE"] == "/run/ovenbird/result/r.json"
    assert spec.environ["OVENBIRD_OUTPUT_DIR"] == "/run/ovenbird/output"
    assert spec.environ["OVENBIRD_FILES_STORE"] == "s3://b"
    stdout = make_run_spec("run", result_file="-")
    assert (stdout.environ["OVENBIRD_RESULT_FILE"], stdout.mounts[1:]) == ("-", ())


def test_credentials_of_the_platform(folder: Path) -> None:
    """Their file is mounted where the platform is used, and nowhere else."""
    (folder / ".dhcore.ini").write_text("[DEFAULT]\n")
    home = {"HOME": str(folder), "DH_NAME": "team"}
    assert "DH_CONFIG" not in make_run_spec("run", home).environ
    assert "DH_CONFIG" not in make_run_spec("run", {**home, "DHCORE_ENDPOINT": "http://core"}, platform="local").environ
    spec = make_run_spec("run", {**home, "DHCORE_ENDPOINT": "http://core"})
    assert spec.mounts[1:] == (Mount(folder / ".dhcore.ini", "/run/ovenbird/dhcore.ini"),)
    assert (spec.environ["DH_CONFIG"], spec.environ["DH_NAME"]) == ("/run/ovenbird/dhcore.ini", "team")


def test_a_port_is_published_on_the_requested_address() -> None:
    """A free port is chosen outside, so that the log inside is right; a used port is reported at once."""
    spec = make_run_spec("serve", {"PORT": "0"})
    address, port, within = spec.publish.rsplit(":", 2)
    assert (address, within) == ("127.0.0.1", port)
    assert int(port) > 0
    assert (spec.environ["OVENBIRD_HOST"], spec.environ["OVENBIRD_PORT"]) == ("0.0.0.0", port)
    assert make_run_spec("serve", host="::1", port="0").publish.startswith("[::1]:")
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        pytest.raises(BuildRequestError, match="cannot publish on 127"),
    ):
        make_run_spec("serve", port=str(listener.getsockname()[1]))


def test_flags_that_do_not_work_in_a_container() -> None:
    """Each is reported by its flag."""
    for flags, text in (
        ({"source": "src"}, "`--source` and `--container` exclude each other"),
        ({"reload": "true"}, "`--reload` and `--container` exclude each other"),
        ({"env": "NOT_SET"}, "--env: the variable 'NOT_SET' is not set"),
    ):
        with pytest.raises(BuildRequestError, match=text):
            make_run_spec("serve", port="0", **flags)
    for flags, text in (({"params": "none.json"}, "--params: no file"), ({"input": ["a=none"]}, "--input a: no file")):
        with pytest.raises(BuildRequestError, match=text):
            make_run_spec("run", **flags)
    with pytest.raises(BuildRequestError, match="the value of the input 'a' is empty"):
        make_run_spec("run", {"OVENBIRD_INPUT": '{"a": ""}'})


def test_a_terminal_gets_text() -> None:
    """Within, stderr is a pipe; so what `auto` means is decided here."""
    assert make_run_spec("run", terminal=True).environ["OVENBIRD_LOG_FORMAT"] == "text"
    assert make_run_spec("run", terminal=True, log_format="json").environ["OVENBIRD_LOG_FORMAT"] == "json"


def test_the_command_holds_no_value() -> None:
    """Variables go by name; a path with a comma or a quote is one field of CSV."""
    mounts = (Mount(Path('/a,"b"'), "/x"), Mount(Path("/c"), "/c", True))
    spec = ContainerRunSpec(("run",), {"TOKEN": "secret", "B": "b"}, mounts, "127.0.0.1:1:1")
    command = run_spec.make_argv(("podman", "run"), "app:1", spec)
    assert command == (
        "podman", "run",
        "--mount", 'type=bind,"source=/a,""b""",target=/x,readonly', "--mount", "type=bind,source=/c,target=/c",
        "--env", "B", "--env", "TOKEN", "--publish", "127.0.0.1:1:1", "app:1", "run",
    )  # fmt: skip
    assert "secret" not in repr(spec)
