"""Children that a handler forks end as a script's would, and write nothing of their parent's run."""

from __future__ import annotations

import signal

import pytest
from tests.jobs import Jobs

_FORK = """
    import os, sys
    from pathlib import Path

    child = None

    def fork():
        global child
        if pid := os.fork():
            child = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        else:
            Path("pid").write_text(str(os.getpid()))
            {end}

    def note(what):
        with Path("calls").open("a") as file:
            print(what, file=file)

    {at_import}

    def init(context):
        {in_init}

    def handler():
        note("handler")
        {in_handler}
        return child

    def close(context):
        note("close")
"""
_WHERE = ["at_import", "in_init", "in_handler"]
_ENDS = {
    "goes on": ("pass", 0),
    "sys.exit()": ("sys.exit()", 0),
    "sys.exit(7)": ("sys.exit(7)", 7),
    "raises": ("raise ValueError('of the child')", 1),
    "raises KeyboardInterrupt": ("raise KeyboardInterrupt", 1),
}


@pytest.mark.parametrize("where", _WHERE)
@pytest.mark.parametrize("end", _ENDS)
def test_a_child_ends_as_a_script(jobs: Jobs, end: str, where: str) -> None:
    """Its status is its own, the handler and `close` are called once, and the run is recorded once, by the parent."""
    code, status = _ENDS[end]
    holes = {name: "fork()" if name == where else "pass" for name in _WHERE}
    job = jobs.run(_FORK.format(end=code, **holes))
    assert (job.code, job.result["state"], job.result["results"]) == (0, "COMPLETED", {"output_0": status}), job.err
    assert (jobs.folder / "calls").read_text().split() == ["handler", "close"]
    assert job.err.count('"message":"COMPLETED"') == 1
    assert jobs.read_record(job)["status"]["state"] == "COMPLETED"
    if end == "raises":
        assert job.err.count("ValueError: of the child") == 1
        assert "/ovenbird/" not in job.err, "the traceback is that of the user's code"


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_pool_prints_nothing(jobs: Jobs, method: str) -> None:
    """`with multiprocessing.Pool(2)` ends its workers by SIGTERM: no traceback of theirs, whatever starts them."""
    source = f"""
        import multiprocessing
        def handler():
            with multiprocessing.get_context("{method}").Pool(2) as pool:
                return sum(pool.map(abs, range(-4, 0)))
    """
    job = jobs.run(source)
    assert (job.code, job.result["results"]) == (0, {"output_0": 10}), job.err
    assert all(line.startswith("{") for line in job.err.splitlines()), job.err


def test_a_pool_prints_nothing_when_the_run_is_stopped(jobs: Jobs) -> None:
    """Workers that are running at that time print nothing either."""
    source = """
        import multiprocessing, time
        from pathlib import Path
        def work(number):
            Path("started").touch()
            time.sleep(3600)
        def handler():
            with multiprocessing.get_context("fork").Pool(2) as pool:
                return pool.map(work, range(4))
    """
    process, wait = jobs.start(source)
    jobs.wait_until((jobs.folder / "started").exists)
    process.send_signal(signal.SIGTERM)
    job = wait()
    assert (job.code, job.result["state"]) == (143, "STOPPED"), job.err
    assert all(line.startswith("{") for line in job.err.splitlines()), job.err
