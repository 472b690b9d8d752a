"""A job trigger: one event, one answer, and the exit status that it makes."""

from __future__ import annotations

import signal
import time

import pytest
from tests.processors import HTTP, Processors, job

HANDLER = """
def handler(context, event):
    return {result}
"""


def test_a_function_of_the_platform_runs(shared: Processors) -> None:
    """The rendered module finds the user's function, and gets the run as bytes."""
    code, process = shared.run("rendered", job({"handler": "add", "spec": {"parameters": {"a": 2, "b": 3}}}))
    assert code == 0, process.log
    messages = next(record for record in process.records if record["message"] == "the run is done")
    assert (messages["result"], messages["logger"]) == (5, "f1")


def test_a_failed_run_fails_the_job(shared: Processors) -> None:
    """The answer is a 500, which the log shows."""
    code, process = shared.run("rendered", job({"handler": "add", "spec": {"parameters": {"a": "x", "b": 3}}}))
    assert code == 1
    assert process.records[-1]["message"].startswith("the job's event was answered 500: can only concatenate str")
    assert process.records[-1]["level"] == "error"


def test_the_event(shared: Processors) -> None:
    """Bytes, no content type, the trigger's kind and name, and the run's id."""
    source = """
    def handler(context, event):
        found = (event.body, event.content_type, event.trigger.kind, event.trigger.name, event.id)
        assert found == (b'{"a": 1}', "", "job", "nightly", "run-7"), found
        assert (context.trigger.kind, context.worker_id) == ("job", 0)
    """
    code, process = shared.run(source, {"nightly": job('{"a": 1}')["job"]}, RUN_ID="run-7")
    assert code == 0, process.log
    assert process.records[-1]["request_id"] == "run-7"


@pytest.mark.parametrize(
    ("result", "code"),
    [
        ("None", 0),
        ("'text'", 0),
        ("{'a': 1}", 0),
        ("context.Response(body='OK', status_code=200)", 0),
        ("(200, 'fine')", 0),
        ("(404, 'nothing')", 1),
        ("context.Response(status_code=500)", 1),
        ("context.Response(status_code=202)", 1),  # only a 200 is
        ("object()", 1),
        ("1 / 0", 1),
        ("exit(0)", 0),
        ("exit(5)", 1),
    ],
)
def test_the_exit_status(shared: Processors, result: str, code: int) -> None:
    """0 when the answer was a 200, else 1."""
    status, process = shared.run(HANDLER.format(result=result))
    assert status == code, process.log


@pytest.mark.parametrize("kind", ["def", "async def"])
@pytest.mark.parametrize(("end", "code"), [("print('at the end')", 0), ("1 / 0", 1)])
def test_a_generator_is_run_to_its_end(shared: Processors, kind: str, end: str, code: int) -> None:
    """Sync or async, as `ovenbird run` does: what it yields is one answer, what it raises fails the job."""
    source = f"""
    {kind} handler(context, event):
        yield 1
        print("once more")
        yield 2
        {end}
    """
    result, process = shared.run(source)
    assert (result, process.log.count("once more\n")) == (code, 1), process.log
    assert ("at the end\n" in process.log, "ZeroDivisionError" in process.log) == (code == 0, code == 1)


def test_what_the_handler_raised_is_one_record(shared: Processors) -> None:
    """With the user's frames alone."""
    code, process = shared.run(HANDLER.format(result="1 / 0"))
    (record,) = [record for record in process.records if record["level"] == "error"]
    assert record["message"] == "f1 raised ZeroDivisionError: division by zero"
    assert "handler.py" in record["traceback"]
    assert "ovenbird" not in record["traceback"]
    assert code == 1


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_init_is_called_once(shared: Processors, kind: str) -> None:
    """Sync or async, init runs before the event, and the handler sees what it sets."""
    source = f"""
    import asyncio
    {kind} init_context(ctx):
        print("init")
        ctx.user_data.number = 4
    {kind} handler(ctx, evt):
        {"await asyncio.sleep(0)" if "async" in kind else "pass"}
        return (200 if ctx.user_data.number == 4 else 500, "")
    """
    code, process = shared.run(source)
    assert (code, process.log.count("init\n")) == (0, 1), process.log


def test_init_that_fails(shared: Processors) -> None:
    """One record has the traceback, the status is 73, and the handler is not called."""
    source = """
    def init_context(context):
        raise RuntimeError("no model")
    def handler(context, event):
        print("called")
    """
    code, process = shared.run(source)
    assert code == 73
    (record,) = process.records
    assert (record["code"], record["message"]) == ("init", "init of f1 raised RuntimeError: no model")
    assert "no model" in record["traceback"]
    assert "called" not in process.log


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import nothing_like_this\n", "importing 'handler' failed: ModuleNotFoundError"),
        ("def handler(context):\n    pass\n", "handler:handler cannot be called with (context, event)"),
        ("def other(context, event):\n    pass\n", "has no attribute 'handler'"),
    ],
)
def test_a_module_that_does_not_load(shared: Processors, source: str, message: str) -> None:
    """One record, and status 72."""
    code, process = shared.run(source)
    assert code == 72
    (record,) = process.records
    assert message in record["message"]


def test_a_document_that_does_not_hold(shared: Processors) -> None:
    """Status 71, and every problem in one record."""
    code, process = shared.run(HANDLER.format(result="0"), {**job(""), **HTTP})
    assert (code, [record["code"] for record in process.records]) == (71, ["document"])
    assert "cannot be combined" in process.log


@pytest.mark.slow
def test_a_job_ends_at_once(shared: Processors) -> None:
    """A thread that the handler leaves running does not delay the end."""
    source = """
    import threading, time
    def handler(context, event):
        threading.Thread(target=time.sleep, args=(60,)).start()
    """
    began = time.monotonic()
    assert shared.run(source)[0] == 0
    assert time.monotonic() - began < 20


def test_sigterm_ends_a_job(shared: Processors) -> None:
    """The handler is interrupted, cleans up, and the exit status is that of a stop."""
    source = """
    import time
    def init_context(context):
        context.platform.set_termination_callback(lambda: print("terminated", flush=True))
    def handler(context, event):
        try:
            print("at work", flush=True)
            time.sleep(60)
        finally:
            print("cleaned", flush=True)
    """
    shared.lay_out(source, job(""))
    running = shared.start()
    running.wait_log("at work")
    assert running.stop(signal.SIGTERM) == 143
    assert "cleaned\nterminated\n" in running.log
    assert running.records[-1]["message"] == "stopped by SIGTERM"


@pytest.mark.slow
def test_the_time_limit_of_an_event(shared: Processors) -> None:
    """A job without one may take as long as it needs."""
    source = "import time\ndef handler(context, event):\n    time.sleep(60)\n"
    code, process = shared.run(source, spec={"eventTimeout": "300ms"})
    assert code == 1
    assert process.records[-1]["message"] == "stopped by the time limit of 0.3 seconds"


def test_the_module_is_found_on_pythonpath(shared: Processors) -> None:
    """PYTHONPATH is searched for the module, after the folder of the document."""
    elsewhere = shared.folder / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "far.py").write_text("def handler(context, event):\n    print('far')\n")
    code, process = shared.run(
        "def handler(c, e):\n    pass\n", spec={"handler": "far:handler"}, PYTHONPATH=str(elsewhere)
    )
    assert code == 0, process.log
    assert "far\n" in process.log
