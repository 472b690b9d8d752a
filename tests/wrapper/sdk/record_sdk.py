"""Record what the platform's real SDK answers: `python -m tests.wrapper.sdk.record_sdk`, which needs a package index.

It runs `scenario.py` with the SDK, against a double of Core and S3, and writes `observations.json` beside this file.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from tests.core import sdk
from tests.core.fixtures import make_platform
from tests.core.server import Double
from tests.stores import bucket, s3_server

from ovenbird import sdk as own

FOLDER = Path(__file__).parent
RECORD = FOLDER / "observations.json"


def record() -> None:
    """Write the observations, with the versions of the packages."""
    double = Double()
    double.checks_auth = True  # as a newer Core answers what the SDK asks before it uses S3
    with tempfile.TemporaryDirectory() as folder, s3_server() as address:
        s3 = bucket(address)
        program = f"import runpy, sys\nsys.argv[1:] = ['digitalhub', {','.join(own.__all__)!r}]\n"
        program += f"runpy.run_path({str(FOLDER / 'scenario.py')!r}, run_name='__main__')\n"
        seen = json.loads(sdk.run(program, Path(folder), make_platform(double, s3)))
    double.close()
    text = json.dumps({"packages": sdk.PACKAGES, "seen": seen}, indent=1, ensure_ascii=False)
    RECORD.write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    record()
