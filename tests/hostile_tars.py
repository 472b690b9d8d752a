"""Tars that no packer makes: damaged, lying about themselves, or holding what must not be written."""

from __future__ import annotations

import bz2
import gzip
import lzma
import tarfile
from dataclasses import dataclass, field

TEXT = b"def f(): return 1\n" * 20
PACKERS = {"plain": bytes, "gzip": gzip.compress, "bzip2": bz2.compress, "xz": lzma.compress}


@dataclass
class Member:
    """One member; `size` is a false size for its header, `before` are bytes that precede it."""

    name: str = "mod.py"
    content: bytes = TEXT
    type: bytes = tarfile.REGTYPE
    target: str = ""
    mode: int = 0o644
    size: int | None = None
    before: bytes = b""
    pax: dict[str, str] = field(default_factory=dict)


def build(*members: Member, end: bytes = bytes(1024), tar_format: int = tarfile.PAX_FORMAT) -> bytes:
    """Return the bytes of a tar with these members."""
    body = b""
    for member in members:
        info = tarfile.TarInfo(member.name)
        info.type, info.linkname, info.mode, info.pax_headers = member.type, member.target, member.mode, member.pax
        info.size = len(member.content) if member.size is None else member.size
        padding = bytes(-len(member.content) % tarfile.BLOCKSIZE)
        body += member.before + info.tobuf(tar_format, "utf-8", "surrogateescape") + member.content + padding
    return body + end


def header(kind: bytes, size: bytes, name: bytes = b"x") -> bytes:
    """Return a header of a kind, with a size as it is written."""
    data = bytearray(512)
    data[: len(name)], data[100:107], data[124 : 124 + len(size)] = name, b"0000644", size
    data[156:157], data[257:265] = kind, b"ustar\x0000"
    data[148:156] = b" " * 8
    data[148:155] = b"%06o\0" % sum(data)
    return bytes(data)


def link(name: str, target: str, member_type: bytes = tarfile.SYMTYPE) -> Member:
    """Return a link."""
    return Member(name, b"", member_type, target)


def _changed(data: bytes, position: int) -> bytes:
    return data[:position] + bytes((data[position] ^ 0xFF,)) + data[position + 1 :]


_WHOLE = build(Member(), Member("b.py"))
_RECORD = b"30 path=" + b"y" * 21 + b"\n"

# what is wrong -> the tar, and what is said
DAMAGED: dict[str, tuple[bytes, str]] = {
    "gzip of no tar": (gzip.compress(TEXT), "is not a tar"),
    "gzip of nothing": (gzip.compress(b""), "is not a tar"),
    "gzip, cut short": (gzip.compress(_WHOLE)[:-20], "damaged"),
    "gzip, checksum": (_changed(gzip.compress(_WHOLE), -6), "damaged"),
    "gzip, middle": (_changed(gzip.compress(_WHOLE), 30), "damaged"),
    "gzip, rest": (gzip.compress(_WHOLE) + b"rest", "damaged"),
    "bzip2, cut short": (bz2.compress(_WHOLE)[:-20], "damaged"),
    "bzip2, middle": (_changed(bz2.compress(_WHOLE), 60), "damaged"),
    "xz, cut short": (lzma.compress(_WHOLE)[:-20], "damaged"),
    "xz, middle": (_changed(lzma.compress(_WHOLE), 60), "damaged"),
    "no end": (build(Member(), end=b""), "is truncated"),
    "content cut short": (_WHOLE[:700], "damaged"),
    "large content cut short": (build(Member(content=bytes(40_000_000)))[:100_000], "is truncated"),
    "second header": (_changed(_WHOLE, 1024 + 3), "is truncated"),
    "a header is cut short": (_WHOLE[:1300], "is truncated"),
    "more announced": (build(Member(size=5000), end=b""), "damaged"),
    "a size below zero": (
        build(Member(), Member("b", before=header(b"x", b"\xff" * 10 + b"\xfc\x00"))), "damaged"
    ),
    "a file of a size below zero": (build(Member(), end=header(b"0", b"\xff" * 10 + b"\xfc\x00")), "damaged"),
    "a size in words": (build(Member(), end=header(b"0", b"many")), "damaged|is truncated"),
    "a long header": (build(Member(pax={"comment": "x" * 100_000})), "a header is too large"),
    "a header that announces much": (build(Member(), end=header(b"L", b"77777777777")), "a header is too large"),
    "headers for headers": (
        (header(b"x", b"%011o" % len(_RECORD)) + _RECORD.ljust(512, b"\0")) * 5000, "damaged"
    ),
}  # fmt: skip
UNSAFE: dict[str, tuple[bytes, str]] = {
    "absolute": (build(Member("/etc/x.py")), "is absolute"),
    "above": (build(Member("a/../../x.py")), "leaves the folder"),
    "a folder above": (build(Member("../x", b"", tarfile.DIRTYPE)), "leaves the folder"),
    "backslash": (build(Member("..\\x.py")), "backslash"),
    "empty part": (build(Member("a//x.py")), "empty part"),
    "a file that is the folder": (build(Member(".")), "empty part"),
    "line break": (build(Member("x\n.py")), "control character"),
    "not UTF-8": (build(Member("\udcff.py"), tar_format=tarfile.GNU_FORMAT), "not UTF-8"),
    "long part": (build(Member("x" * 256)), "more than 255 bytes"),
    "deep": (build(Member("x/" * 300 + "y")), "folders deep"),
    "twice": (build(Member(), Member()), "is in it twice"),
    "twice in other words": (build(Member(), Member("./mod.py")), "is in it twice"),
    "a file and a folder": (build(Member("a"), Member("a/b")), "both a file and a folder"),
    "a file below a link": (build(link("a", "/tmp"), Member("a/b")), "both a file and a folder"),
    "a device": (build(Member("d", b"", tarfile.CHRTYPE)), "neither a file, a folder nor a link"),
    "a pipe": (build(Member("d", b"", tarfile.FIFOTYPE)), "neither a file, a folder nor a link"),
    "a kind of its own": (build(Member("d", b"", b"Z")), "neither a file, a folder nor a link"),
    "a sparse file": (
        build(Member(pax={"GNU.sparse.map": "0,1", "GNU.sparse.size": "99999999999"})), "neither a file|more than"
    ),
    "a link without a target": (build(link("l", "")), "leads nowhere"),
    "a long link": (build(link("l", "x" * 5000)), "is too long"),
    "a hard link out": (build(Member(), link("l", "/etc/passwd", tarfile.LNKTYPE)), "is not a file that comes before"),
    "a hard link to itself": (build(Member(), link("l", "l", tarfile.LNKTYPE)), "is not a file that comes before"),
    "a hard link to a link": (
        build(link("m", "mod.py"), link("l", "m", tarfile.LNKTYPE)), "is not a file that comes before"
    ),
    "bomb": (gzip.compress(build(Member(content=bytes(40_000_000)))), "rejected as a decompression bomb"),
    "bomb of bzip2": (bz2.compress(build(Member(content=bytes(40_000_000))), 1), "rejected as a decompression bomb"),
    "bomb of xz": (
        lzma.compress(build(Member(content=bytes(40_000_000))), preset=0), "rejected as a decompression bomb"
    ),
    "announced bomb": (build(Member(size=3 << 30)), "more than 1.0 GiB"),
    "bomb of hard links": (
        build(Member(content=bytes(200_000)), *(link(f"l{n}", "mod.py", tarfile.LNKTYPE) for n in range(900))),
        "rejected as a decompression bomb",
    ),
}  # fmt: skip
LINKS_OUT: dict[str, tuple[bytes, str]] = {
    "absolute link": (build(Member(), link("l", "/etc/passwd")), "is absolute"),
    "link out": (build(Member(), link("l", "../../x")), "leads out"),
    "link by a link": (build(Member(), link("a/l", ".."), link("m", "a/l/..")), "leads out"),
    "circle": (build(Member(), link("a", "b"), link("b", "a")), "circle"),
}
