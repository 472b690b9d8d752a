"""Zips that no packer makes: damaged, lying about themselves, or holding what must not be written."""

from __future__ import annotations

import bz2
import lzma
import stat
import struct
import zlib
from dataclasses import dataclass

STORED, DEFLATED, BZIP2, LZMA = 0, 8, 12, 14
TEXT = b"def f(): return 1\n" * 20


@dataclass
class Member:
    """One member, every field of which may be false; those that are None are correct."""

    name: bytes = b"mod.py"
    content: bytes = TEXT
    method: int = DEFLATED
    packed: bytes | None = None
    crc: int | None = None
    size: int | None = None
    flags: int = 0
    mode: int = stat.S_IFREG | 0o644
    extra: bytes = b""
    local_name: bytes | None = None
    offset: int | None = None


def pack(content: bytes, method: int) -> bytes:
    """Return the content as a member of that method has it."""
    if method == DEFLATED:
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        return packer.compress(content) + packer.flush()
    if method == BZIP2:
        return bz2.compress(content)
    if method == LZMA:
        filters = [{"id": lzma.FILTER_LZMA1, "dict_size": 1 << 20, "lc": 3, "lp": 0, "pb": 2}]
        properties = struct.pack("<BI", (2 * 5 + 0) * 9 + 3, 1 << 20)
        head = struct.pack("<BBH", 9, 4, len(properties)) + properties
        return head + lzma.compress(content, lzma.FORMAT_RAW, filters=filters)
    return content


def build(*members: Member) -> bytes:
    """Return the bytes of a zip with these members."""
    body, directory = b"", b""
    for member in members:
        packed = pack(member.content, member.method) if member.packed is None else member.packed
        crc = zlib.crc32(member.content) if member.crc is None else member.crc
        size = len(member.content) if member.size is None else member.size
        common = struct.pack("<HHHHHIII", 20, member.flags, member.method, 0, 0x21, crc, len(packed), size)
        name = member.name if member.local_name is None else member.local_name
        offset = len(body) if member.offset is None else member.offset
        body += b"PK\x03\x04" + common + struct.pack("<HH", len(name), 0) + name + packed
        directory += (
            b"PK\x01\x02" + struct.pack("<H", (3 << 8) | 20) + common
            + struct.pack("<HHHHHII", len(member.name), len(member.extra), 0, 0, 0, member.mode << 16, offset)
            + member.name + member.extra
        )  # fmt: skip
    count = len(members)
    end = struct.pack("<HHHHIIH", 0, 0, count, count, len(directory), len(body), 0)
    return body + directory + b"PK\x05\x06" + end


def flipped(content: bytes, method: int) -> bytes:
    """Return a packed content with its middle turned around."""
    packed = pack(content, method)
    middle = len(packed) // 2
    return packed[:middle] + bytes(byte ^ 0xFF for byte in packed[middle : middle + 8]) + packed[middle + 8 :]


_SOME = bytes(range(256)) * 8
_LINK = stat.S_IFLNK | 0o777
_ZIP64 = struct.pack("<HHQ", 1, 8, 1 << 63)

# what is wrong -> the zip, and what is said
DAMAGED: dict[str, tuple[bytes, str]] = {
    "deflate": (build(Member(packed=flipped(_SOME, DEFLATED), content=_SOME)), "damaged"),
    "lzma": (build(Member(packed=flipped(_SOME, LZMA), content=_SOME, method=LZMA)), "damaged"),
    "bzip2": (build(Member(packed=flipped(_SOME, BZIP2), content=_SOME, method=BZIP2)), "damaged"),
    "lzma properties": (
        build(Member(packed=b"\t\x04\x05\x00\xff\xff\xff\xff\xff" + b"x" * 50, method=LZMA)),
        "damaged",
    ),
    "lzma cut short": (build(Member(packed=b"\t\x04", method=LZMA)), "damaged"),
    "bzip2 cut short": (build(Member(packed=pack(TEXT, BZIP2)[:20], method=BZIP2)), "damaged"),
    "bzip2 checksum": (build(Member(crc=1, method=BZIP2)), "damaged"),
    "checksum": (build(Member(crc=1)), "damaged"),
    "more announced": (build(Member(size=len(TEXT) + 1)), "damaged"),
    "less announced": (build(Member(size=1)), "damaged"),
    "bzip2, more announced": (build(Member(size=len(TEXT) + 1, method=BZIP2)), "damaged"),
    "bzip2, less announced": (build(Member(size=1, method=BZIP2)), "damaged"),
    "another name inside": (build(Member(local_name=b"nod.py")), "damaged"),
    "offset": (build(Member(offset=0x7FFFFFFF)), "damaged"),
    "offset, bzip2": (build(Member(offset=3, method=BZIP2)), "damaged"),
    "zip64 size": (build(Member(size=0xFFFFFFFF, extra=_ZIP64)), "unpacks|damaged"),
    "zip64 without its field": (build(Member(size=0xFFFFFFFF)), "unpacks|damaged"),
    "zip64 cut short": (build(Member(size=0xFFFFFFFF, extra=b"\1\0\4\0abcd")), "damaged|Corrupt"),
    "zip64 offset": (build(Member(offset=0xFFFFFFFF, extra=_ZIP64)), "damaged"),
    "extra field": (build(Member(extra=b"\1\0\xff\xff")), "damaged|Corrupt"),
    "not UTF-8": (build(Member(name=b"\xff\xfe.py", flags=0x800)), "damaged"),
    "method": (build(Member(method=6)), "cannot be unpacked"),
    "patched": (build(Member(flags=0x20)), "cannot be unpacked"),
    "cut short": (build(Member())[:-30], "damaged"),
    "no zip": (b"no archive", "is not a zip"),
    "empty": (b"", "is not a zip"),
}
UNSAFE: dict[str, tuple[bytes, str]] = {
    "empty name": (build(Member(name=b"")), "empty part"),
    "a folder without a name": (build(Member(name=b"/", content=b"")), "empty part|absolute"),
    "absolute": (build(Member(name=b"/etc/x.py")), "is absolute"),
    "a drive": (build(Member(name=b"C:x.py")), "is absolute"),
    "above": (build(Member(name=b"a/../../x.py")), "leaves the folder"),
    "a folder above": (build(Member(name=b"../x/", content=b"")), "leaves the folder"),
    "backslash": (build(Member(name=b"..\\x.py")), "leaves the folder"),
    "an absolute backslash": (build(Member(name=b"\\x.py")), "is absolute"),
    "twice by a backslash": (build(Member(name=b"a/x.py"), Member(name=b"a\\x.py")), "is in it twice"),
    "twice by a dot": (build(Member(), Member(name=b"./mod.py")), "is in it twice"),
    "empty part": (build(Member(name=b"a//x.py")), "empty part"),
    "a file that is the folder": (build(Member(name=b".")), "empty part"),
    "NUL": (build(Member(name=b"x.py\0.txt")), "control character"),
    "line break": (build(Member(name=b"x\n.py")), "control character"),
    "long part": (build(Member(name=b"x" * 256)), "more than 255 bytes"),
    "long": (build(Member(name=b"/".join([b"x" * 250] * 20))), "longer than 4000 bytes"),
    "deep": (build(Member(name=b"x/" * 300 + b"y")), "folders deep"),
    "twice": (build(Member(), Member()), "is in it twice"),
    "a file and a folder": (build(Member(name=b"a"), Member(name=b"a/b")), "both a file and a folder"),
    "encrypted": (build(Member(flags=1)), "is encrypted"),
    "encrypted anew": (build(Member(flags=0x40)), "is encrypted"),
    "a device": (build(Member(mode=stat.S_IFCHR | 0o666)), "neither a file, a folder nor a link"),
    "a pipe": (build(Member(mode=stat.S_IFIFO | 0o666)), "neither a file, a folder nor a link"),
    "a link without a target": (build(Member(mode=_LINK, content=b"")), "leads nowhere"),
    "a link with a NUL": (build(Member(mode=_LINK, content=b"a\0b")), "leads nowhere"),
    "a long link": (build(Member(mode=_LINK, content=b"x" * 5000)), "is too long"),
    "bomb": (build(Member(content=b"\0" * 40_000_000)), "rejected as a decompression bomb"),
    "announced bomb": (build(Member(size=3 << 30)), "more than 1.0 GiB"),
}
LINKS_OUT: dict[str, tuple[bytes, str]] = {
    "absolute link": (build(Member(), Member(name=b"l", mode=_LINK, content=b"/etc/passwd")), "is absolute"),
    "link out": (build(Member(), Member(name=b"l", mode=_LINK, content=b"../../x")), "leads out"),
    "link by a link": (
        build(
            Member(), Member(name=b"a/l", mode=_LINK, content=b".."), Member(name=b"m", mode=_LINK, content=b"a/l/..")
        ),
        "leads out",
    ),
    "circle": (
        build(Member(), Member(name=b"a", mode=_LINK, content=b"b"), Member(name=b"b", mode=_LINK, content=b"a")),
        "circle",
    ),
}  # fmt: skip
