"""Remove bytecode that its source no longer is. Runs inside a container, by the target's own interpreter, alone.

Usage: python -c <this> FILE. FILE names sources by absolute path, each ended by a zero byte; the bytecode beside each
is removed where Python would run it although the source was changed, replaced or deleted. The number of removed files
goes to stdout.
"""

# ruff: noqa: PTH108, PTH112, PTH113, PTH114, PTH116, PTH118, PTH123, PTH208 (paths of strangers, as bytes)

import importlib.util
import os
import re
import sys

TAG = re.compile(rb"[\w-]+(\.opt-\w+)?\.pyc")


def is_stale(source: bytes, bytecode: bytes) -> bool:
    """Return whether bytecode does not belong to the source next to it; never true of bytecode with a checked hash."""
    if not os.path.lexists(source):
        return True
    with open(bytecode, "rb") as file:
        head = file.read(16)
    flags = int.from_bytes(head[4:8], "little")
    if len(head) < 16 or flags & 2:
        return False
    if flags & 1:
        if head[:4] != importlib.util.MAGIC_NUMBER:  # of another Python, whose hashes this one cannot make
            return True
        with open(source, "rb") as file:
            return importlib.util.source_hash(file.read()) != head[8:]
    status = os.stat(source)
    written = (int(status.st_mtime) & 0xFFFFFFFF, status.st_size & 0xFFFFFFFF)
    return written != (int.from_bytes(head[8:12], "little"), int.from_bytes(head[12:], "little"))


def remove(source: bytes) -> int:
    """Remove the stale bytecode of one source and return the number of files."""
    folder, name = os.path.split(source)
    cache, stem = os.path.join(folder, b"__pycache__"), name[:-3] + b"."
    count = 0
    for entry in os.listdir(cache) if os.path.isdir(cache) and not os.path.islink(cache) else ():
        path = os.path.join(cache, entry)
        if entry.startswith(stem) and TAG.fullmatch(entry[len(stem) :]) and os.path.isfile(path):
            try:
                stale = is_stale(source, path)
            except OSError:
                continue
            if stale:
                os.unlink(path)
                count += 1
    return count


def main(listing: str) -> None:
    """Look at each source of the listing."""
    with open(listing, "rb") as file:
        sources = [source for source in file.read().split(b"\0") if source]
    print(sum(map(remove, sources)))


if __name__ == "__main__":
    main(sys.argv[1])
