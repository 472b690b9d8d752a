"""Private keys in DER, a format without words to search for: recognised by the structure of the whole file.

Only what ends where the file ends counts, so chance does not look like it. Public keys, certificates, requests,
signatures and parameters have other structures.
Spec: RFC 8017 (PKCS#1), RFC 5958 (PKCS#8), RFC 5915 (SEC 1), RFC 7292 (PKCS#12); OpenSSL's form of a DSA key.
"""

from __future__ import annotations

LARGEST = 64 * 1024  # bytes: a key of 16384 bits has 12 KiB, a store with its certificates more
DIGEST = "der 1"  # of these rules: what was found by others has to be looked for again
_INTEGER, _BITS, _OCTETS, _OID, _SEQUENCE = 0x02, 0x03, 0x04, 0x06, 0x30
_EXTRA = (0xA0, 0xA1, 0x81)  # attributes, parameters, a public key
_PKCS5, _PKCS12 = bytes.fromhex("2a864886f70d0105"), bytes.fromhex("2a864886f70d010c01")
_PKCS7_DATA = bytes.fromhex("2a864886f70d0107")
_RSA, _DSA = 9, 6  # numbers in a key
_Item = tuple[int, bytes]  # a tag and what it holds


def describe_der(data: bytes) -> str:
    """Return which kind of private key the whole content of a file is, or nothing."""
    outer = _read_items(data)
    if len(outer) != 1 or outer[0][0] != _SEQUENCE:
        return ""
    items = _read_items(outer[0][1])
    tags = [tag for tag, _ in items]
    if not items:
        return ""
    if tags[0] == _SEQUENCE:
        return "encrypted private key (DER)" if tags == [_SEQUENCE, _OCTETS] and _is_encryption(items[0][1]) else ""
    if tags[0] != _INTEGER:
        return ""
    version, rest = items[0][1], [tag for tag in tags[1:] if tag not in _EXTRA]
    if version == b"\x03" and rest[:1] == [_SEQUENCE] and _starts_with(items[1][1], _PKCS7_DATA):
        return "store of keys (PKCS#12)"
    if version in (b"\0", b"\1") and rest == [_SEQUENCE, _OCTETS] and _starts_with(items[1][1], b""):
        return "private key (PKCS#8, DER)"
    if version == b"\1" and rest == [_OCTETS] and _is_curve(items[2:]):
        return "private key (SEC 1, DER)"
    numbers = tags.count(_INTEGER)
    has_more = version == b"\1" and tags[_RSA:] == [_SEQUENCE]  # of several primes
    if version in (b"\0", b"\1") and tags[:_RSA] == [_INTEGER] * _RSA and (len(tags) == _RSA or has_more):
        return "private key (PKCS#1, DER)"
    if version == b"\0" and numbers == len(tags) == _DSA and len(items[1][1]) >= 64:
        return "private key (DSA, DER)"
    return ""


def _is_encryption(algorithm: bytes) -> bool:
    return _starts_with(algorithm, _PKCS5) or _starts_with(algorithm, _PKCS12)


def _is_curve(items: list[_Item]) -> bool:
    """Return whether these are a curve by its name and a public key; a message of SNMP has other items behind 1."""
    inner = {tag: [kind for kind, _ in _read_items(content)] for tag, content in items}
    return bool(inner) and all(kinds == {0xA0: [_OID], 0xA1: [_BITS]}.get(tag) for tag, kinds in inner.items())


def _starts_with(data: bytes, prefix: bytes) -> bool:
    """Return whether the first item is an object identifier that begins so."""
    items = _read_items(data)
    return bool(items) and items[0][0] == _OID and items[0][1].startswith(prefix)


def _read_items(data: bytes) -> list[_Item]:
    """Return the items that fill `data` to its last byte, nothing where it is no DER."""
    items: list[_Item] = []
    offset = 0
    while offset < len(data):
        if offset + 2 > len(data):
            return []
        tag, size = data[offset], data[offset + 1]
        offset += 2
        if size & 0x80:
            count = size & 0x7F
            if not 1 <= count <= 3 or offset + count > len(data):
                return []
            size = int.from_bytes(data[offset : offset + count], "big")
            offset += count
        if offset + size > len(data):
            return []
        items.append((tag, data[offset : offset + size]))
        offset += size
    return items
