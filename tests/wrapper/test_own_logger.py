"""Failures reach the log whatever the user's code did to `logging`: in services and in jobs."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.jobs import Jobs
from tests.service import Service

Serve = Callable[..., Service]
DOINGS = {
    "dictConfig": "logging.config.dictConfig({'version': 1})",
    "dictConfig with a root": "logging.config.dictConfig({'version': 1, 'root': {'level': 50, 'handlers': []}})",
    "fileConfig": "logging.config.fileConfig(__import__('io').StringIO('[loggers]\\nkeys=root\\n[handlers]\\nkeys=\\n"
    "[formatters]\\nkeys=\\n[logger_root]\\nlevel=CRITICAL\\nhandlers=\\n'))",
    "basicConfig": "logging.basicConfig(force=True, level='CRITICAL', handlers=[logging.NullHandler()])",
    "disable": "logging.disable(logging.CRITICAL)",
    "no handlers": "logging.root.handlers.clear()",
    "level of the root": "logging.root.setLevel(100)",
    "level of handlers": "[handler.setLevel(100) for handler in logging.root.handlers]",
    "filter of handlers": "[handler.addFilter(lambda _: False) for handler in logging.root.handlers]",
    "filter of the logger": "logging.getLogger('ovenbird').addFilter(lambda _: False)",
    "propagate": "setattr(logging.getLogger('ovenbird'), 'propagate', False)",
    "level": "logging.getLogger('ovenbird').setLevel(100)",
    "disabled": "setattr(logging.getLogger('ovenbird'), 'disabled', True)",
    "handlers of the logger": "logging.getLogger('ovenbird').handlers.append(logging.NullHandler())",
    "factory": "logging.setLogRecordFactory(lambda *args, **named: 1 / 0)",
    "shutdown": "logging.shutdown()",
}
SOURCE = """
import logging, logging.config
{at_import}
def handler(x: int = 0):
    {in_call}
    raise ValueError('lost?')
"""
CASES = [
    *(pytest.param(SOURCE.format(at_import=text, in_call=""), id=f"{name} at import") for name, text in DOINGS.items()),
    *(pytest.param(SOURCE.format(at_import="", in_call=text), id=f"{name} in a call") for name, text in DOINGS.items()),
]


def records(text: str) -> list[dict[str, Any]]:
    """The records of a log, without what else is printed."""
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


@pytest.mark.slow
@pytest.mark.parametrize("source", CASES)
def test_a_service_logs_each_failure_that_a_client_sees(serve: Serve, source: str) -> None:
    """One record has the error id and the traceback, and is written once."""
    service = serve(source, "--drain-delay", "0")
    error_id = service.post("/", json={"x": 1}).json()["error_id"]
    assert service.stop() == 0
    (record,) = (
        entry for entry in records(service.log) if entry.get("error_id") == error_id and entry["level"] == "error"
    )
    assert record["message"] == "handler raised ValueError: lost?"
    assert "raise ValueError('lost?')" in record["traceback"]


@pytest.mark.slow
@pytest.mark.parametrize("name", DOINGS)
def test_a_job_logs_its_failure(jobs: Jobs, name: str) -> None:
    """Its stored log has the failure too."""
    job = jobs.run(SOURCE.format(at_import=DOINGS[name], in_call=""))
    assert job.code == 74
    for text in (job.err, jobs.run_verb("runs", "logs", job.result["id"])):
        (record,) = (entry for entry in records(text) if entry["level"] == "error")
        assert "lost?" in record["message"]


def test_handlers_of_the_user_get_the_records_too(serve: Serve) -> None:
    """Each record is written once, with handlers of the user and without."""
    own = "import logging, sys\nlogging.basicConfig(force=True, stream=sys.stdout, format='own %(message)s')\n"
    service = serve(own + "def handler(): raise ValueError('lost?')\n", "--drain-delay", "0")
    service.post("/")
    assert service.stop() == 0
    assert service.log.count("own handler raised ValueError: lost?") == 1
    assert service.log.count('"message":"handler raised ValueError: lost?"') == 1


def test_the_level_of_the_log_holds(serve: Serve) -> None:
    """`--log-level` is that of Ovenbird's own records, whatever level the user's code gives the root."""
    source = "import logging\nlogging.root.setLevel('DEBUG')\ndef handler(): raise ValueError\n"
    service = serve(source, "--drain-delay", "0", "--log-level", "error", "--access-log", "off", ready=False)
    service.wait_open()
    service.post("/")
    assert service.stop() == 0
    assert {record["level"] for record in records(service.log)} == {"error"}
