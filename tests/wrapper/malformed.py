"""Run a list of command lines in one process, as the command would run each; report those that break the contract.

Called as `python malformed.py CASES`, a JSON Lines file of `{words, environ}`; one JSON line for each that ends with an
exception, or with a status that is not of the contract, goes to stdout.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import traceback
from pathlib import Path

from ovenbird.cli import run

STATUSES = (0, 2, 130, 143, *range(20, 80))


def main() -> None:
    """Run every case, from the same folder and with no more variables than it says."""
    folder, environ = Path.cwd(), {name: os.environ[name] for name in ("PATH", "HOME", "OVENBIRD_HOME")}
    for line in Path(sys.argv[1]).read_text().splitlines():
        case = json.loads(line)
        words = [os.fsdecode(word.encode("latin-1")) if case.get("raw") else word for word in case["words"]]
        os.environ.clear()
        os.environ.update(environ | case["environ"])
        out, err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), io.StringIO()
        code: object = None
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                code = run(words)
        except BaseException:
            err.write(traceback.format_exc())
        os.chdir(folder)
        text = err.getvalue()
        if code not in STATUSES or "Traceback" in text:
            print(json.dumps({**case, "code": repr(code), "said": text[-1500:]}))


if __name__ == "__main__":
    main()
