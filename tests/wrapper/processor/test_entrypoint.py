"""The command line of the processor, and what surrounds the function."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.processors import Processors, document, http, job
from tests.wrapper.test_cli import ovenbird

VARIABLES = """
import os
def handler(context, event):
    print({name: text for name, text in os.environ.items() if name.startswith("NUCLIO_FUNCTION")})
"""


def test_fields_and_variables_without_effect_are_logged_once(shared: Processors) -> None:
    """The platform's own configuration, fields that nobody knows, and settings of a wrapper that is not here."""
    shared.lay_out("def handler(c, e):\n    pass\n", job(""), odd=1, strange={})
    process = shared.start("--platform-config", "/etc/platform.yaml", NUCLIO_PYTHON_EXE_PATH="/usr/bin/python2")
    assert process.wait() == 0
    messages = [record["message"] for record in process.records if "ignored" in record["message"]]
    assert messages == [
        "ignored, as it has no meaning here: --platform-config /etc/platform.yaml, spec.odd, spec.strange, "
        "NUCLIO_PYTHON_EXE_PATH"
    ]


def test_a_function_learns_about_itself(shared: Processors) -> None:
    """It reads the variables that the platform's processor sets; a variable that the container has set stays."""
    code, process = shared.run(VARIABLES, spec={"description": "adds", "version": 3})
    assert code == 0
    assert (
        "{'NUCLIO_FUNCTION_NAME': 'f1', 'NUCLIO_FUNCTION_HANDLER': 'handler:handler', "
        "'NUCLIO_FUNCTION_DESCRIPTION': 'adds', 'NUCLIO_FUNCTION_VERSION': '3'}" in process.log
    )
    _, process = shared.run(VARIABLES, NUCLIO_FUNCTION_NAME="given")
    assert "'NUCLIO_FUNCTION_NAME': 'given'" in process.log


def test_nuclio_sdk_need_not_be_installed(shared: Processors) -> None:
    """Its names can be imported, for hints and to make answers."""
    source = """
    import nuclio_sdk
    def handler(context: nuclio_sdk.Context, event: nuclio_sdk.Event) -> nuclio_sdk.Response:
        assert isinstance(context, nuclio_sdk.Context) and isinstance(event, nuclio_sdk.Event)
        return nuclio_sdk.Response(headers={}, body="OK", content_type="text/plain", status_code=200)
    """
    code, process = shared.run(source)
    assert code == 0, process.log


def test_the_real_package_wins(shared: Processors) -> None:
    """Where nuclio's SDK is installed, its Response is understood."""
    (shared.folder / "nuclio_sdk.py").write_text(
        "class Response:\n"
        "    def __init__(self, headers=None, body=None, content_type=None, status_code=200):\n"
        "        self.headers, self.body, self.status_code = headers or {}, body, status_code\n"
        "        self.content_type = content_type or 'text/plain'\n"
    )
    source = """
    import nuclio_sdk
    def handler(context, event):
        assert nuclio_sdk.__file__
        return nuclio_sdk.Response(body="no", status_code=503)
    """
    code, process = shared.run(source)
    assert code == 1
    assert process.records[-1]["message"] == "the job's event was answered 503: no"


def test_the_document_has_to_be_named() -> None:
    """The document is the only required argument."""
    process = ovenbird("processor")
    assert process.returncode == 70
    assert b"--config" in process.stderr


@pytest.mark.slow
def test_flags_and_environment_win_over_the_document(tmp_path: Path) -> None:
    """The operator has the last word; a value that does not parse is an error all the same."""
    (tmp_path / "handler.py").write_text("import time\ndef handler(context, event):\n    time.sleep(0.5)\n")
    (tmp_path / "function.yaml").write_text(json.dumps(document(job(""), eventTimeout="100ms")))
    config = str(tmp_path / "function.yaml")
    assert ovenbird("processor", "--config", config).returncode == 1
    assert ovenbird("processor", "--config", config, OVENBIRD_TIMEOUT="20").returncode == 0
    assert ovenbird("processor", "--config", config, "--timeout", "20").returncode == 0
    assert ovenbird("processor", "--config", config, OVENBIRD_TIMEOUT="soon").returncode == 70


@pytest.mark.slow
def test_a_port_in_use(shared: Processors) -> None:
    """Either of the two is named."""
    source = "def handler(context, event):\n    pass\n"
    first = shared.serve(source, http())
    port = first.probes.rpartition(":")[2]
    second = shared.start(OVENBIRD_PROBE_PORT=port)
    assert second.wait() == 70
    assert f"cannot listen on 0.0.0.0:{port}" in second.log
    assert "`--probe-port N`, or the variable `OVENBIRD_PROBE_PORT=N`" in second.log
