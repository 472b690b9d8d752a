"""Hold six services to their own OpenAPI documents, by schemathesis: `python -m tests.fuzz.conformance SECONDS`."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from tests.fuzz.server import serve_fuzzed

HANDLERS = ("fields", "whole", "typed", "upload", "event", "raw")
# not `negative_data_rejection`: a form holds nothing but text, which is converted, so it takes `on=0` for a boolean
_CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
    "response_schema_conformance", "positive_data_acceptance",
)  # fmt: skip


def main(seconds: float) -> int:
    """Run schemathesis against each service; return 1 if one does not match its document."""
    failed = 0
    for handler in HANDLERS:
        with tempfile.TemporaryDirectory() as folder, serve_fuzzed(f"main.py:{handler}", Path(folder)) as service:
            command = [
                Path(sys.executable).with_name("schemathesis"), "run", f"{service.url}/_/openapi.json",
                "--checks", ",".join(_CHECKS), "--phases", "examples,coverage,fuzzing",
                "--max-time", str(max(1, round(seconds / len(HANDLERS)))), "--warnings", "off", "--no-color",
            ]  # fmt: skip
            process = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if process.returncode:
            failed = 1
            print(f"{handler}: not as its OpenAPI document says\n{process.stdout.decode('utf-8', 'replace')[-8000:]}")
        else:
            print(f"{handler}: as its OpenAPI document says", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1])))
