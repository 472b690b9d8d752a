"""`ovenbird run --cluster` on a real node: followed to its end, left and found again, lost, refused."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest
from tests.engine import Images
from tests.kube import Kube
from tests.tcp import TcpServer

from .cluster_verbs import FUNCTION, finish, start
from .conftest import ONE

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]
COUNT = ("--param", "do=count", "--param")


def read_until(process: subprocess.Popen[str], part: str) -> str:
    """Read stderr up to a line that holds `part`; return that line."""
    assert process.stderr
    lines = []
    for line in process.stderr:
        lines.append(line)
        if part in line:
            return line
    raise AssertionError(f"{part} did not come: {lines}")


def test_combinations(space: Kube) -> None:
    """Each of `--grid` is a run of one Job, with the parameters of a file."""
    space.write("count.yaml", "do: count\n")
    words = ("run", "--params", "count.yaml", "--grid", "n=1,2", "--grid", "seconds=0,0.1")
    code, out, err = finish(start(space, *words))
    assert code == 0, err
    rows = {row["index"]: row for row in map(json.loads, out.splitlines())}
    assert [rows[index]["parameters"] for index in range(4)] == [
        {"n": 1, "seconds": 0}, {"n": 1, "seconds": 0.1}, {"n": 2, "seconds": 0}, {"n": 2, "seconds": 0.1},
    ]  # fmt: skip
    assert [rows[index]["results"] for index in range(4)] == [{"output_0": n} for n in (1, 1, 2, 2)]


def test_an_earlier_run_is_taken(space: Kube) -> None:
    """`--reuse` compares a run with those of its store, here a volume that both pods mount."""
    words = ("run", "--reuse", "--volume", "pvc:runs:/runs:100Mi", "--env", "OVENBIRD_HOME=/runs/a", *COUNT, "n=2")
    code, out, err = finish(start(space, *words))
    assert (code, "line 1" in out) == (0, True), err
    code, out, err = finish(start(space, *words))
    assert (code, "line 1" in out) == (0, False), out + err
    assert "--reuse: results and outputs are those of" in out
    assert "output_0=2" in err


def test_a_function_is_built_and_run(space: Kube, base_images: Images, tmp_path: Path) -> None:
    """From a folder without an image: built, pushed, run; results by the termination message."""
    (tmp_path / "main.py").write_text("def handler(depth: int):\n    print('at work')\n    return {'rows': depth}\n")
    document = FUNCTION.format(field="base_image", image=base_images[ONE])
    (tmp_path / "function.yaml").write_text(document)
    repository = f"{os.environ['TEST_REGISTRY']}/tests/built-greet"
    words = ("run", str(tmp_path), "--json", "--param", "depth=3", "--build", repository)
    code, out, err = finish(start(space, *words, OVENBIRD_CACHE_DIR=str(tmp_path / "cache")))
    assert code == 0, err
    end = json.loads(out)
    assert (end["state"], end["results"], end["outputs"]) == ("COMPLETED", {"output_0": {"rows": 3}}, {})
    assert end["run"].startswith("store://")
    assert err.count("at work\n") == 1


def test_each_way_to_fail_has_a_status(space: Kube) -> None:
    """The function's own; more memory than its limit; an image that is not there; a pod that was deleted."""
    failing = start(space, "run", "--param", "do=fail")
    swelling = start(space, "run", "--param", "do=swell", "--param", "n=500", "--mem", "100Mi")
    missing = start(space, "run", "--image", f"{os.environ['TEST_REGISTRY']}/tests/none:1", "--start-timeout", "5s")
    deleted = start(space, "run", "--param", "seconds=600")
    pod = read_until(deleted, "  running ").split()[2]
    space.kubectl("delete", "pod", pod, "--wait=false")
    code, out, err = finish(failing)
    assert (code, out.count('raise ValueError("no such thing")')) == (74, 1)
    assert "ERROR in " in err
    code, _, err = finish(missing)
    assert code == 95
    assert "deleted job" in err
    assert "the image cannot be pulled" in err.splitlines()[-1]
    code, out, err = finish(swelling)
    assert code in (97, 74), err  # cgroup v1 may end a child alone
    assert finish(deleted)[0] == 96


class Gateway(TcpServer):
    """A way to the API server that can be cut."""

    def __init__(self, host: str, port: int) -> None:
        self._target = host, port
        self.is_away = False
        super().__init__()

    def talk(self, client: socket.socket, number: int) -> None:
        """Pass bytes on, in both directions."""
        if self.is_away:
            raise ConnectionResetError
        upstream = self.connect(self._target)
        self.pump(upstream, client)
        while data := client.recv(65536):
            upstream.sendall(data)

    def cut(self) -> None:
        """Break off all connections, and refuse new ones."""
        self.is_away = True
        for sock in list(self._open):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


def open_gateway(space: Kube, folder: Path) -> tuple[Gateway, str]:
    """Return a way to the API server, and the configuration of kubectl that takes it."""
    config = json.loads(space.kubectl("config", "view", "--raw", "--flatten", "-o", "json"))
    cluster = config["clusters"][0]["cluster"]
    host, _, port = cluster["server"].rpartition("/")[2].partition(":")
    gateway = Gateway(host, int(port or 443))
    cluster |= {"server": f"https://127.0.0.1:{gateway.port}", "tls-server-name": host}
    (folder / "config").write_text(json.dumps(config))
    return gateway, str(folder / "config")


def test_a_run_is_left_and_found_again(space: Kube, tmp_path: Path) -> None:
    """After Ctrl-C it goes on, and is found by its name with all of its log. While it is followed the API server goes
    away: no line is lost or comes twice.
    """
    process = start(space, "run", *COUNT, "n=100", "--param", "seconds=0.1")
    name = read_until(process, "  job ").split()[1]
    read_until(process, "  running ")
    process.send_signal(signal.SIGINT)
    code, _, err = finish(process)
    assert code == 130
    assert f"ovenbird runs follow {name} --cluster" in err
    gateway, config = open_gateway(space, tmp_path)
    try:
        process = start(space, "runs", "follow", "latest", KUBECONFIG=config)
        assert process.stdout
        lines = [process.stdout.readline() for _ in range(12)]
        gateway.cut()
        read_until(process, "the API server does not answer")
        gateway.is_away = False
        code, out, err = finish(process)
    finally:
        gateway.close()
    assert code == 0, err
    counted = [line for line in "".join([*lines, out]).splitlines() if line.startswith("line ")]
    assert counted == [f"line {n}" for n in range(100)]


def test_a_second_ctrl_c_deletes_a_run(space: Kube) -> None:
    """Also before its pod runs."""
    process = start(space, "run", "--param", "seconds=600")
    name = read_until(process, "  job ").split()[1]
    process.send_signal(signal.SIGINT)
    read_until(process, "  detach ")
    process.send_signal(signal.SIGINT)
    assert finish(process)[0] == 130
    listed = json.loads(finish(start(space, "runs", "list"))[1])
    assert name not in [row["name"] for row in listed]


def test_a_run_for_each_line(space: Kube) -> None:
    """A line of JSON for each index with its parameters, and the highest exit status; the lines go with the Job."""
    space.write("lines.jsonl", '{"n": 1}\n{"n": 2, "do": "fail"}\n{"nobody": 3}\n')
    code, out, err = finish(start(space, "run", "--each", "lines.jsonl"))
    assert code == 77, err
    rows = {row["index"]: row for row in map(json.loads, out.splitlines())}
    assert {index: (row["state"], row["exit_code"]) for index, row in rows.items()} == {
        0: ("COMPLETED", 0), 1: ("ERROR", 74), 2: ("ERROR", 77),
    }  # fmt: skip
    assert rows[0]["results"]["output_0"]["n"] == 1
    assert rows[1]["parameters"] == {"n": 2, "do": "fail"}
    assert "(3 of 3)" in err
    name = rows[0]["pod"].rpartition("-0-")[0]
    code, out, _ = finish(start(space, "runs", "logs", name, "--index", "1"))
    assert (code, out.count("no such thing") > 0) == (0, True)
    assert finish(start(space, "runs", "stop", name))[0] == 0
    space.wait_until(lambda: name not in space.kubectl("get", "configmaps", "-o", "name"), 0.2)


def test_what_a_cluster_refuses(space: Kube, tmp_path: Path) -> None:
    """No rights, a quota of Jobs, no such context, no such namespace: each is said at once, with a status."""
    space.kubectl("create", "serviceaccount", "weak")
    token = space.kubectl("create", "token", "weak").strip()
    config = json.loads(space.kubectl("config", "view", "--raw", "--flatten", "-o", "json"))
    config["users"][0]["user"] = {"token": token}
    (tmp_path / "config").write_text(json.dumps(config))
    code, _, err = finish(start(space, "run", KUBECONFIG=str(tmp_path / "config")))
    assert (code, "forbidden" in err) == (93, True)
    space.kubectl("create", "quota", "none", "--hard=count/jobs.batch=0")
    space.wait_until(lambda: space.get("quota", "none").get("status"), 0.1)
    code, _, err = finish(start(space, "run"))
    assert (code, "exceeded quota" in err) == (94, True)
    space.kubectl("delete", "quota", "none")
    assert finish(start(space, "run", "--context", "nowhere"))[0] == 92
