"""Drop from a shared library what only a debugger reads: compiled packages carry megabytes of it.

Used by `--slim`, and copied into the build of a base image, whose stage.py runs it: it imports nothing of ours.
"""

from __future__ import annotations

import struct
from pathlib import Path

# ELF, 64 bit, little endian: the file's header, and one row of its table of sections
_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SEGMENT = struct.Struct("<IIQQQQQQ")
_LOADED = 0x2  # SHF_ALLOC: the section is in memory when the program runs
_NO_BITS = 8  # SHT_NOBITS: a section that takes no room in the file
_NAMES = 3  # SHT_STRTAB
_ALIGNMENT = 8  # bytes: of a table of sections, and so of a whole file


def strip_symbols(content: bytes) -> bytes:
    """Return the library without its debug sections and symbol tables, or as it was where that is not safe.

    Only what lies behind the last loaded byte goes; whatever is loaded keeps its place, so that nothing that runs can
    tell the difference. The table of sections is written anew for what stays. A file with more behind its sections, as
    an archive that a program finds there, stays as it was.
    """
    if content[:6] != b"\x7fELF\x02\x01":
        return content
    if len(content) < _HEADER.size:
        return content
    head = list(_HEADER.unpack_from(content))
    segments_at, sections_at, segment_count, section_count, names_index = head[5], head[6], head[10], head[12], head[13]
    if not section_count or head[11] != _SECTION.size or head[9] != _SEGMENT.size:
        return content
    ends_of_tables = (sections_at + section_count * _SECTION.size, segments_at + segment_count * _SEGMENT.size)
    if max(ends_of_tables) > len(content) or names_index >= section_count:
        return content  # cut short
    sections = [_SECTION.unpack_from(content, sections_at + i * _SECTION.size) for i in range(section_count)]
    segments = [_SEGMENT.unpack_from(content, segments_at + i * _SEGMENT.size) for i in range(segment_count)]
    last = max((i for i, row in enumerate(sections) if row[2] & _LOADED), default=0)
    if not last or any(not row[2] & _LOADED for row in sections[1 : last + 1]):
        return content  # numbers of sections would change, and loaded ones refer to each other by number
    ends = [row[4] + row[5] for row in sections[: last + 1] if row[1] != _NO_BITS]
    end = max((*ends, *(row[2] + row[5] for row in segments)))
    end_of_file = max(end, *ends_of_tables, *(row[4] + row[5] for row in sections if row[1] != _NO_BITS))
    if not end_of_file <= len(content) < end_of_file + _ALIGNMENT:
        return content  # cut short, or with an appendix
    names = sections[names_index]
    text = content[names[4] : names[4] + names[5]]
    data = content[:end] + text
    data += bytes(-len(data) % _ALIGNMENT)
    headers = [*sections[: last + 1], (names[0], _NAMES, 0, 0, end, len(text), 0, 0, 1, 0)]
    head[6], head[12], head[13] = len(data), len(headers), last + 1
    data += b"".join(_SECTION.pack(*row) for row in headers)
    return _HEADER.pack(*head) + data[_HEADER.size :] if len(data) < len(content) else content


def strip_file(path: Path) -> int:
    """Strip a library in place; how many bytes that saved."""
    content = path.read_bytes()
    smaller = strip_symbols(content)
    if len(smaller) < len(content):
        path.write_bytes(smaller)
    return len(content) - len(smaller)
