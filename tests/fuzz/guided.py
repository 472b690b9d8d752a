"""Fuzz one parser for a while, guided by coverage: `python -m tests.fuzz.guided PARSER SECONDS`.

atheris (libFuzzer) where it is installed: new inputs that reach new code go to the corpus, as far as they are small. It
has wheels for Linux on x86-64 only; elsewhere hypothesis mutates the corpus for as long, from a seed of chance.
"""

from __future__ import annotations

import importlib.util
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from types import FrameType

from tests.fuzz import corpus

_ROOT = Path(__file__).parents[2]
_SMALL = 4096  # bytes of an input
_SOURCES = tuple(str(_ROOT / name) for name in ("wrapper", "builder"))
_INSTRUMENTED = ["ovenbird", "ovenbird_builder"]  # a library more costs seconds at each start


def main(name: str, seconds: str) -> None:
    """Fuzz a parser; libFuzzer ends the process itself, with another status than 0 for a finding."""
    if importlib.util.find_spec("atheris") is None:
        _mutate(name, float(seconds))
        return
    new = _ROOT / ".cache" / "fuzz" / name
    new.mkdir(parents=True, exist_ok=True)
    status = _run("--inside", name, f"-max_total_time={float(seconds):.0f}", str(new), str(corpus.FOLDER / name))
    if status == 0:
        status = _run("--select", name, str(new))
    sys.exit(status)


def _run(*words: str) -> int:
    """Run a part of this module in a process of its own; its words are shown for a finding. The exit status."""
    command = [sys.executable, "-m", "tests.fuzz.guided", *words]
    process = subprocess.run(command, cwd=_ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if process.returncode:
        lines = process.stdout.decode("utf-8", "replace").splitlines()
        print(*(line for line in lines if not line.startswith(("INFO:", "WARNING:"))), sep="\n")
    return process.returncode


def _run_inside(name: str, options: list[str]) -> None:
    import atheris

    with atheris.instrument_imports(include=_INSTRUMENTED):
        from tests.fuzz.parsers import PARSERS
    from tests.fuzz.parser import examine

    parser = PARSERS[name]
    with tempfile.TemporaryDirectory() as folder, tempfile.NamedTemporaryFile("w", suffix=".dict") as words:
        for token in parser.tokens:
            words.write('"' + "".join(f"\\x{byte:02x}" for byte in token[:60]) + '"\n')
        words.flush()
        rules = [
            f"-dict={words.name}", f"-max_len={_SMALL}", "-timeout=20", "-rss_limit_mb=2048", "-verbosity=0",
            f"-artifact_prefix={corpus.FOLDER / name}/{corpus.FAILED}",
        ]  # fmt: skip
        atheris.Setup([sys.argv[0], *rules, *options], lambda data: examine(parser, data, Path(folder)))
        atheris.Fuzz()


def _select(name: str, new: Path) -> None:
    """Add inputs to the corpus that reach new lines of our code, the smallest first."""
    from tests.fuzz.parser import examine
    from tests.fuzz.parsers import PARSERS

    parser, reached = PARSERS[name], set[tuple[str, int]]()

    def trace(frame: FrameType, event: str, _: object) -> object:
        if not frame.f_code.co_filename.startswith(_SOURCES):
            return None
        reached.add((frame.f_code.co_filename, frame.f_lineno))
        return trace

    def run(data: bytes) -> int:
        with tempfile.TemporaryDirectory() as folder:
            sys.settrace(trace)
            try:
                examine(parser, data, Path(folder))
            finally:
                sys.settrace(None)
        return len(reached)

    most = max(map(run, corpus.read_seeds(name)))
    for path in sorted(new.iterdir(), key=lambda path: path.stat().st_size):
        if (reach := run(path.read_bytes())) > most:
            shutil.copy(path, corpus.FOLDER / name / path.name[:12])
            most = reach


def _mutate(name: str, seconds: float) -> None:
    from tests.fuzz.mutation import draw_mutated, explore
    from tests.fuzz.parser import examine
    from tests.fuzz.parsers import PARSERS

    parser, inputs, last = PARSERS[name], corpus.read_seeds(name), b""

    def check(data: bytes) -> None:
        nonlocal last
        last = data
        examine(parser, data, Path(folder))

    with tempfile.TemporaryDirectory() as folder:
        try:
            explore(draw_mutated(inputs, parser.tokens), check, seconds, random.randrange(10**6))
        except Exception:
            print(f"kept as {corpus.save_failed(name, last)}")
            raise


if __name__ == "__main__":
    if sys.argv[1] == "--inside":
        _run_inside(sys.argv[2], sys.argv[3:])
    elif sys.argv[1] == "--select":
        _select(sys.argv[2], Path(sys.argv[3]))
    else:
        main(*sys.argv[1:3])
