"""Private keys in DER under any name; other data has another structure."""

from __future__ import annotations

import datetime
import random
import zipfile
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, NoEncryption, PrivateFormat, pkcs12

from ovenbird_builder.sources.der_keys import describe_der
from ovenbird_builder.sources.secret_search import SecretFinding, search_tree

DER = serialization.Encoding.DER
RSA = rsa.generate_private_key(65537, 2048)
CURVE = ec.generate_private_key(ec.SECP256R1())
NAME = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "x")])
LOCKED = BestAvailableEncryption(b"word")


def make_certificate() -> x509.Certificate:
    start = datetime.datetime(2020, 1, 1)
    builder = x509.CertificateBuilder(NAME, NAME, RSA.public_key(), 1, start, start + datetime.timedelta(1))
    return builder.sign(RSA, hashes.SHA256())


KEYS = {
    "PKCS#1": (RSA.private_bytes(DER, PrivateFormat.TraditionalOpenSSL, NoEncryption()), "private key (PKCS#1, DER)"),
    "PKCS#8": (RSA.private_bytes(DER, PrivateFormat.PKCS8, NoEncryption()), "private key (PKCS#8, DER)"),
    "SEC 1": (CURVE.private_bytes(DER, PrivateFormat.TraditionalOpenSSL, NoEncryption()), "private key (SEC 1, DER)"),
    "PKCS#8 of a curve": (CURVE.private_bytes(DER, PrivateFormat.PKCS8, NoEncryption()), "private key (PKCS#8, DER)"),
    "Ed25519": (
        ed25519.Ed25519PrivateKey.generate().private_bytes(DER, PrivateFormat.PKCS8, NoEncryption()),
        "private key (PKCS#8, DER)",
    ),
    "DSA": (
        dsa.generate_private_key(1024).private_bytes(DER, PrivateFormat.TraditionalOpenSSL, NoEncryption()),
        "private key (DSA, DER)",
    ),
    "encrypted": (RSA.private_bytes(DER, PrivateFormat.PKCS8, LOCKED), "encrypted private key (DER)"),
    "PKCS#12": (
        pkcs12.serialize_key_and_certificates(b"x", RSA, make_certificate(), None, LOCKED), "store of keys (PKCS#12)",
    ),
}  # fmt: skip
OTHERS = {
    "certificate": make_certificate().public_bytes(DER),
    "request": x509.CertificateSigningRequestBuilder(NAME).sign(RSA, hashes.SHA256()).public_bytes(DER),
    "public key": RSA.public_key().public_bytes(DER, serialization.PublicFormat.SubjectPublicKeyInfo),
    "public key (PKCS#1)": RSA.public_key().public_bytes(DER, serialization.PublicFormat.PKCS1),
    "public key of a curve": CURVE.public_key().public_bytes(DER, serialization.PublicFormat.SubjectPublicKeyInfo),
    "signature": CURVE.sign(b"x", ec.ECDSA(hashes.SHA256())),
    "SNMP": bytes.fromhex("302602010104067075626c6963a019020101020100020100300e300c06082b060102010101000500"),
    "LDAP": bytes.fromhex("300c020101600702010304008000"),
    "text": b"0" * 300,
    "code": b"0 == 1\n",
    "a cut key": KEYS["PKCS#1"][0][:-1],
    "a key with more behind it": KEYS["PKCS#1"][0] + b"\n\n",
    "empty": b"",
    "a length that lies": b"\x30\x84\xff\xff\xff\xff\x02\x01\x00",
    "no length": b"\x30",
}


@pytest.mark.parametrize(("data", "kind"), KEYS.values(), ids=KEYS)
def test_each_form_of_a_private_key_is_recognised(data: bytes, kind: str, tmp_path: Path) -> None:
    """Under any file name."""
    assert describe_der(data) == kind
    (tmp_path / "foo.bin").write_bytes(data)
    assert search_tree(tmp_path, lambda _, search: search()) == [SecretFinding("foo.bin", 0, kind)]


@pytest.mark.parametrize("data", OTHERS.values(), ids=OTHERS)
def test_public_keys_and_other_data_pass(data: bytes) -> None:
    """Public things of the same trade, messages, and what only begins so."""
    assert describe_der(data) == ""


def test_chance_looks_like_no_key(tmp_path: Path) -> None:
    """Noise that begins as DER does, and an archive that holds a key."""
    dice = random.Random(1)  # the same in each process
    for _ in range(2000):
        assert describe_der(b"\x30" + dice.randbytes(dice.randrange(1, 300))) == ""
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as archive:
        archive.writestr("key", KEYS["PKCS#1"][0])
    assert search_tree(tmp_path, lambda _, search: search()) == []
