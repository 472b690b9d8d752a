"""Names of files that hold credentials."""

from __future__ import annotations

from pathlib import Path

import pytest

from ovenbird_builder.sources.credential_files import describe_name


def describe(path: str, folder: Path, data: bytes = b"x") -> str:
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    return describe_name(path, file)


@pytest.mark.parametrize(
    "path",
    [
        ".env", ".env.production", ".env.local", ".envrc", "sub/.env", ".ENV", "server.key", "tls/SERVER.KEY", "a.ppk",
        "id_rsa", "keys/id_ed25519", "id_ecdsa_sk", "store.p12", "store.pfx", "store.jks", "a.keystore", "a.kdbx",
        "kubeconfig", "prod.kubeconfig", ".kube/config", ".gnupg/pubring.kbx", ".gnupg/private-keys-v1.d/A", ".ssh/x",
        ".netrc", "_netrc", ".git-credentials", ".pypirc", "pip.conf", ".pgpass", ".htpasswd", ".dockercfg",
        ".docker/config.json", "auth.json", "sub/credentials.json", ".aws/credentials", "client_secret_1.json",
        ".config/gcloud/application_default_credentials.json", ".vault-token", ".streamlit/secrets.toml",
    ],
)  # fmt: skip
def test_a_credential_file_is_recognised_by_its_name(path: str, tmp_path: Path) -> None:
    """At any depth, in any case, whatever is in it."""
    assert describe(path, tmp_path)


@pytest.mark.parametrize(
    "path",
    [
        ".env.example", ".env.sample", "sub/.env.template", ".env.dist", ".env.local.example", "env.py", "dotenv",
        "id_rsa.pub", "keys.py", "key", "monkey", "kubeconfig.py", "docker/config.json", "aws/credentials.py",
        "oauth.json", "my_credentials.json", "netrc.py", "ssh/config", "cert.pem", "cacert.crt", ".npmignore",
    ],
)  # fmt: skip
def test_a_harmless_name_passes(path: str, tmp_path: Path) -> None:
    """Templates of environment files, public halves, and names that only resemble."""
    assert describe(path, tmp_path) == ""


def test_a_name_that_harmless_files_have_too_is_judged_by_the_content(tmp_path: Path) -> None:
    """A public key in `.key`, a presentation of Keynote, an `.npmrc` that names a registry."""
    assert describe("a.key", tmp_path, b"-----BEGIN PUBLIC KEY-----\nMII\n-----END PUBLIC KEY-----\n") == ""
    assert describe("talk.key", tmp_path, b"PK\x03\x04rest") == ""
    assert describe("der.key", tmp_path, b"\x30\x82\x04\xbe")
    assert describe("b.key", tmp_path, b"-----BEGIN PRIVATE KEY-----\n")
    assert describe(".npmrc", tmp_path, b"registry=https://npm.example.com/\n") == ""
    assert describe(".npmrc", tmp_path, b"//npm.example.com/:_authToken=abc\n")
    assert describe(".npmrc", tmp_path, b"_auth = YTpi\n")
    (tmp_path / "gone.key").symlink_to("nowhere")
    assert describe_name("gone.key", tmp_path / "gone.key")
