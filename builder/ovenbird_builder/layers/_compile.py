"""Compile Python files with unchecked hashes. Runs inside a container, by the target's own interpreter, alone.

Usage: python -c <this> FOLDER JOBS VERSION MAGIC. Each file of FOLDER/in holds several sources, each as a line of two
lengths, the path it will have, and its bytes; the file of the same name in FOLDER/out then holds the bytecode of each
after a line with its length, -1 where it is no valid Python (templates, files for other versions: they stay as they
are). FOLDER/tag names the cache tag.

Each input is compiled in a fork of its own. Which objects marshal flags as shared depends on what else the process
has interned; a fork always starts from the same state, so its output depends on its input only.
"""

# ruff: noqa: PTH123, PTH208 (pathlib would be a part of the state that every fork starts from)

import gc
import importlib.util
import os
import sys
import warnings
from importlib._bootstrap_external import _code_to_hash_pyc  # type: ignore[attr-defined]  # not in typeshed

UNFIT = 33


def compile_chunk(source: str, target: str) -> None:
    """Compile all sources of one file."""
    with open(source, "rb") as file, open(target, "wb") as out:
        while line := file.readline():
            path_length, length = line.split()
            path = file.read(int(path_length)).decode("utf-8", "surrogateescape")
            data = file.read(int(length))
            try:
                code = compile(data, path, "exec", dont_inherit=True, optimize=0)
                bytecode = bytes(_code_to_hash_pyc(code, importlib.util.source_hash(data), False))
            except Exception:  # any file may lie in a wheel
                out.write(b"-1\n")
                continue
            del code
            out.write(b"%d\n" % len(bytecode) + bytecode)


def main(folder: str, jobs: str, version: str, magic: str) -> None:
    """Compile all inputs, at most `jobs` at once."""
    mine = "{}.{}.{}".format(*sys.version_info[:3])
    if (mine, importlib.util.MAGIC_NUMBER.hex()) != (version.rstrip("+"), magic):
        sys.stderr.write(f"this is Python {mine} ({importlib.util.MAGIC_NUMBER.hex()}), not {version} ({magic})\n")
        sys.exit(UNFIT)
    warnings.simplefilter("ignore")
    gc.disable()
    running: dict[int, str] = {}
    names = sorted(os.listdir(f"{folder}/in"))
    while names or running:
        while names and len(running) < int(jobs):
            name = names.pop(0)
            child = os.fork()
            if not child:
                try:
                    compile_chunk(f"{folder}/in/{name}", f"{folder}/out/{name}")
                except BaseException as error:
                    os.write(2, f"{name}: {error!r}\n".encode())
                    os._exit(1)
                os._exit(0)
            running[child] = name
        pid, status = os.wait()
        name = running.pop(pid, "")
        if name and status:
            sys.exit(f"compiling {name} ended with {os.waitstatus_to_exitcode(status)}")
    with open(f"{folder}/tag", "w") as file:
        file.write(sys.implementation.cache_tag or "")


if __name__ == "__main__":
    main(*sys.argv[1:5])
