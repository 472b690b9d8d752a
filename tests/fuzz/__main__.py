"""Fuzz everything for a while: `python -m tests.fuzz [--seconds N] [PARSER | http | bodies | conformance]...`."""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.fuzz import corpus

_ROOT = Path(__file__).parents[2]
_PARTS = {"http": 0.2, "bodies": 0.2, "conformance": 0.1}  # of the time; the rest is for the parsers


def main() -> int:
    """Run the selected parts; return 1 if something was found, 2 for an unknown name."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    everything = sorted({path.name for path in corpus.FOLDER.iterdir()} | {*_PARTS})
    if unknown := set(options.names) - {*everything}:
        parser.error(f"{', '.join(sorted(unknown))}: expected some of {', '.join(everything)}")
    names = options.names or everything
    parsers = [name for name in names if name not in _PARTS]
    total_share = sum(_PARTS.get(name, 0.0) for name in names) + (0.5 if parsers else 0.0)
    failed = []
    if parsers:
        jobs = min(os.cpu_count() or 1, len(parsers))
        each = options.seconds * 0.5 / total_share * jobs / len(parsers)
        print(f"fuzzing {len(parsers)} parsers, {each:.0f} s each, {jobs} at a time", flush=True)
        with ThreadPoolExecutor(jobs) as pool:
            for name, status in zip(parsers, pool.map(lambda name: _fuzz_parser(name, each), parsers), strict=True):
                failed += [name] if status else []
    for name in names:
        if name in _PARTS:
            seconds = options.seconds * _PARTS[name] / total_share
            print(f"fuzzing {name}, {seconds:.0f} s, seed {options.seed}", flush=True)
            failed += [name] if _fuzz_part(name, seconds, options.seed) else []
    if failed:
        print(f"found something in: {', '.join(failed)}; the inputs are kept as tests/fuzz/corpus/*/failed-*")
    return 1 if failed else 0


def _fuzz_parser(name: str, seconds: float) -> int:
    return _run("tests.fuzz.guided", name, str(seconds))


def _fuzz_part(name: str, seconds: float, seed: int) -> int:
    if name == "conformance":
        return _run("tests.fuzz.conformance", str(seconds))
    path = f"tests/fuzz/test_{name}.py"
    return _run("pytest", "-q", "--timeout", "0", path, FUZZ_SECONDS=str(seconds), FUZZ_SEED=str(seed))


def _run(module: str, *words: str, **environ: str) -> int:
    return subprocess.run(
        [sys.executable, "-m", module, *words], cwd=_ROOT, env=os.environ | environ, check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
