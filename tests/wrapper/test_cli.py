"""The command line, as people and scripts use it: real processes."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from tests import starts
from tests.loading import FUNCTIONS

from ovenbird.command_line.verb_parser import spell_out

TYPED = f"{FUNCTIONS}/typed/main.py"
SHAPES = f"{FUNCTIONS}/shapes/main.py"
INITIALISED = f"{FUNCTIONS}/initialised/main.py"


def ovenbird(
    *arguments: str, stdin: bytes = b"", cwd: Path | None = None, **environ: str
) -> subprocess.CompletedProcess[bytes]:
    """Run the command to its end."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("OVENBIRD_", "PORT"))}
    return starts.run(*arguments, input=stdin, text=False, env={**clean, **environ}, cwd=cwd)


def record(result: subprocess.CompletedProcess[bytes]) -> dict[str, object]:
    """The last line on stderr, which is one JSON record."""
    document: dict[str, object] = json.loads(result.stderr.splitlines()[-1])
    return document


def test_check_prints_the_contract() -> None:
    """Text for people on stdout."""
    result = ovenbird("check", TYPED)
    assert (result.returncode, result.stderr) == (0, b"")
    assert b"target        main:handler\n" in result.stdout
    assert b"  argument    order: Order\n" in result.stdout


def test_a_hint_that_cannot_be_resolved_is_named(tmp_path: Path) -> None:
    """Check and a run warn once, and the value comes as it is; `--strict` refuses."""
    source = tmp_path / "typo.py"
    source.write_text("def init(k: 'strr' = ''): ...\ndef handler(n: 'itn'):\n    return str(n)\n")
    named = b"`n: itn` in 'handler', `k: strr` in 'init': the hint cannot be resolved"
    checked, refused = ovenbird("check", str(source)), ovenbird("check", str(source), "--strict")
    ran = ovenbird("run", str(source), "--param", "n=[1]", OVENBIRD_HOME=str(tmp_path / "home"))
    assert [(result.returncode, result.stderr.count(named)) for result in (checked, refused, ran)] == [
        (0, 1), (72, 1), (0, 1)
    ]  # fmt: skip
    assert b"[1]" in ran.stderr + ran.stdout


def test_the_help_names_every_verb() -> None:
    """Verbs of other packages and listings are named too, which the parser itself does not know."""
    text = ovenbird("--help").stdout.decode()
    for verb in ("serve", "run", "build", "lock", "base", "inspect", "runs", "lineage"):
        assert re.search(rf"\b{verb}\b", text), verb


def test_check_prints_json() -> None:
    """--json gives the same to scripts, and what the module prints on import is not among it."""
    result = ovenbird("check", INITIALISED, "--json", "--init", "start=2024-01-01")
    document = json.loads(result.stdout)
    assert result.stderr == b"noise on import\n"
    assert (document["name"], document["shape"], document["payload"]) == ("handler", "def", "fields")
    assert document["init"].startswith("init(context, start")


@pytest.mark.parametrize(
    ("arguments", "code", "status"),
    [
        (("check", TYPED, "--log-level", "loud"), "settings", 70),
        (("check", f"{FUNCTIONS}/typed"), "document", 71),
        (("check", f"{FUNCTIONS}/typed/none.py"), "load.module_missing", 72),
        (("check", f"{FUNCTIONS}/broken/missing.py"), "load.module_failed", 72),
        (("check", f"{FUNCTIONS}/broken/exits.py"), "load.module_failed", 72),
        (("check", f"{TYPED}:nothing"), "load.attribute_missing", 72),
        (("check", f"{FUNCTIONS}/broken/number.py"), "load.not_callable", 72),
        (("check", INITIALISED), "init", 73),
        (("invoke", INITIALISED), "init", 73),
        (("invoke", TYPED, "--data", "@/nowhere/at/all"), "settings", 70),
        (("invoke", TYPED, "--header", "nocolon"), "settings", 70),
        (("invoke", TYPED, "--header", "x: é"), "settings", 70),
    ],
)
def test_each_failure_has_its_code_and_status(arguments: tuple[str, ...], code: str, status: int) -> None:
    """One JSON record on stderr, nothing on stdout, and an exit status of its own."""
    result = ovenbird(*arguments)
    assert (result.returncode, result.stdout) == (status, b"")
    assert (record(result)["code"], record(result)["exit_code"]) == (code, status)


def test_errors_are_text_when_the_log_is() -> None:
    """--log-format text, and the variable: the traceback, the error, the hint."""
    result = ovenbird("check", f"{FUNCTIONS}/broken/missing.py", OVENBIRD_LOG_FORMAT="text")
    lines = result.stderr.decode().splitlines()
    assert lines[0].startswith("Traceback")
    assert lines[-2].startswith("error: importing 'missing' failed: ModuleNotFoundError")
    assert lines[-1] == "  hint: is 'not_installed_anywhere' in the requirements, and installed?"


@pytest.mark.slow
def test_usage_errors_are_settings() -> None:
    """Unknown words and flags exit with the status of settings; help exits with 0."""
    assert ovenbird("check", "--nonsense").returncode == 70
    assert ovenbird("nonsense").returncode == 70
    process = ovenbird("check", "--help")
    assert process.returncode == 0
    assert b"init is not run" in process.stdout
    assert ovenbird("--version").stdout.startswith(b"ovenbird ")


ORDER = '{"lines": [{"name": "tea", "price": "1.5", "count": 2}]}'


def test_invoke_takes_data_as_text_from_a_file_and_from_stdin(tmp_path: Path) -> None:
    """--data TEXT, @FILE and @-: the answer's body alone on stdout."""
    (tmp_path / "order.json").write_text(ORDER)
    for data in (ORDER, f"@{tmp_path / 'order.json'}", "@-"):
        result = ovenbird("invoke", TYPED, "--data", data, stdin=ORDER.encode())
        assert (result.returncode, result.stdout) == (0, b'{"total":"3.0"}')


def test_invoke_runs_init_and_keeps_stdout_for_the_answer() -> None:
    """init runs with its parameters; what the handler prints goes to stderr."""
    result = ovenbird(
        "invoke", INITIALISED, "--data", '{"days": 2}', "--init", "label=x",
        OVENBIRD_INIT_PARAMETERS='{"start": "2024-01-01"}',
    )  # fmt: skip
    assert json.loads(result.stdout) == {"start": "2024-01-01", "label": "x", "days": 2}
    assert b"noise on stdout" in result.stderr


def test_invoke_sends_method_path_and_headers(tmp_path: Path) -> None:
    """Flags can set every part of a request."""
    (tmp_path / "function.yaml").write_text("kind: python\nname: f\nspec: {source: {handler: fn}}\n")
    (tmp_path / "main.py").write_text(
        "def fn(event): return [event.method, event.url, event.get_header('x-a'), event.content_type, event.body]"
    )
    result = ovenbird(
        "invoke", "--method", "PUT", "--path", "/p?a=1", "--header", "X-A: b", "--data", "text", "--content-type",
        "text/x", cwd=tmp_path,
    )  # fmt: skip
    assert json.loads(result.stdout)[:4] == ["PUT", "/p?a=1", "b", "text/x"]
    assert json.loads(ovenbird("invoke", cwd=tmp_path).stdout)[:2] == ["GET", "/"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("data", "status", "answer"),
    [('{"n": "x"}', 77, 422), ("{", 77, 400), ('{"n": -1}', 74, 500), ('{"n": 9}', 75, 504)],
)
def test_invoke_exits_by_the_kind_of_failure(tmp_path: Path, data: str, status: int, answer: int) -> None:
    """77 for arguments, 74 for a handler that raised, 75 for one that was stopped; the problem is on stdout."""
    (tmp_path / "main.py").write_text(
        "import time\ndef handler(n: int):\n    if n < 0: raise KeyError(n)\n    while n: time.sleep(0.01)\n"
    )
    result = ovenbird("invoke", "main.py", "--data", data, "--timeout", "200ms", cwd=tmp_path)
    assert result.returncode == status
    assert json.loads(result.stdout)["status"] == answer
    assert f"status {answer}\n".encode() in result.stderr


def test_an_init_that_hangs_is_ended(tmp_path: Path) -> None:
    """The time limit of init holds for invoke; a thread that is left does not keep the process alive."""
    (tmp_path / "main.py").write_text("import time\ndef init(): time.sleep(3600)\ndef handler(): ...")
    result = ovenbird("invoke", "main.py", "--init-timeout", "100ms", cwd=tmp_path)
    assert result.returncode == 73
    assert record(result)["message"] == "init of handler did not finish within 0.1 seconds"
    assert record(result)["hint"] == "`--init-timeout`, or the variable `OVENBIRD_INIT_TIMEOUT`"


def test_switches_are_spelled_in_several_ways() -> None:
    """--debug, --debug on, --no-access-log, --access-log=off, and a target behind a switch."""
    assert spell_out(["serve", "--debug", "main.py", "--reload", "off", "--no-access-log", "--queue", "3"]) == [
        "serve", "--debug=true", "main.py", "--reload=False", "--access-log=false", "--queue", "3",
    ]  # fmt: skip


def test_the_target_may_come_from_the_environment(tmp_path: Path) -> None:
    """Without a TARGET: OVENBIRD_TARGET, as in an image."""
    result = ovenbird("check", "--json", cwd=tmp_path, OVENBIRD_TARGET=f"{SHAPES}:model")
    assert json.loads(result.stdout)["target"] == "main:model"


def test_check_shows_a_call_and_a_run(tmp_path: Path) -> None:
    """Both printed examples work; `project` and `run` have a remark on what fills them."""
    (tmp_path / "main.py").write_text(
        "def handler(project, run, n: int, m: int = 2):\n    return {'sum': n + m, 'run': run is not None}\n"
    )
    result = ovenbird("check", "main.py", cwd=tmp_path)
    lines = {line[:14].strip(): line[14:] for line in result.stdout.decode().splitlines()}
    assert lines["as a service"] == "curl localhost:8080 --json '{\"n\": 1}'"
    assert lines["as a job"] == "ovenbird run main.py --param n=1"
    assert b"  injected    project (the project, as context.project)\n" in result.stdout
    assert b"  injected    run (the run of a job; None in a service)\n" in result.stdout
    assert lines["takes"] == "n (parameter), m (parameter), project (the project), run (the run)"
    invoked = ovenbird("invoke", "main.py", "--data", '{"n": 1}', cwd=tmp_path)
    assert json.loads(invoked.stdout) == {"sum": 3, "run": False}
    assert ovenbird("run", "main.py", "--param", "n=1", cwd=tmp_path).returncode == 0


def test_check_describes_what_only_a_job_or_only_a_service_can_call(tmp_path: Path) -> None:
    """An entity comes as an input of a job, a CloudEvent over HTTP; the other way says why not."""
    (tmp_path / "main.py").write_text(
        "from ovenbird import CloudEvent\nclass Dataitem: ...\n"
        "def train(project, di: Dataitem): ...\ndef react(event: CloudEvent): ...\n"
        "class City: ...\ndef move(city: City, n: int): ...\n"
    )
    train = json.loads(ovenbird("check", "main.py:train", "--json", cwd=tmp_path).stdout)
    assert "Dataitem cannot be made from JSON" in train["service"]["refused"]
    assert train["job"]["example"] == "ovenbird run main.py:train --input di=KEY_OR_FILE"
    assert train["job"]["arguments"] == {"di": "input"}
    move = json.loads(ovenbird("check", "main.py:move", "--json", cwd=tmp_path).stdout)
    assert move["job"]["arguments"] == {"city": "instance", "n": "parameter"}
    assert move["job"]["example"] is None
    assert "makes `city: City`" in move["job"]["refused"]
    react = json.loads(ovenbird("check", "main.py:react", "--json", cwd=tmp_path).stdout)
    assert react["service"]["example"].startswith("curl localhost:8080 -H")
    assert "CloudEvent" in react["job"]["refused"]
    result = ovenbird("run", "main.py:react", cwd=tmp_path)
    assert (result.returncode, "cannot be run as a job" in result.stderr.decode()) == (77, True)
