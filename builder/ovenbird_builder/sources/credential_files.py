"""Files that hold credentials by what they are called, whatever is in them."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

_HEAD = 64 * 1024
# compiled where a source is searched: what is known of one is asked for by these texts alone
_NAMES = r"""(?:^|/)(?:
        (?P<environment> \.env[^/]* ) |
        (?P<key> id_(?:rsa|dsa|ecdsa|ed25519)(?:_sk)? | [^/]+\.(?:key|ppk) ) |
        (?P<store> [^/]+\.(?:p12|pfx|jks|keystore|kdbx|keytab) ) |
        (?P<cluster> kubeconfig | [^/]+\.kubeconfig | \.kube/config ) |
        (?P<folder> \.(?:gnupg|ssh)/.+ ) |
        (?P<npm> \.npmrc ) |
        (?P<credentials>
            \.netrc | _netrc | \.git-credentials | \.pypirc | \.?pip\.conf | pip/pip\.ini | \.pgpass | \.my\.cnf |
            \.htpasswd | \.vault-token | \.s3cfg | \.boto | \.databrickscfg | \.dockercfg | \.docker/config\.json |
            auth\.json | credentials\.json | client_secret[^/]*\.json | application_default_credentials\.json |
            \.aws/credentials | \.config/gh/hosts\.ya?ml | credentials\.tfrc\.json | \.streamlit/secrets\.toml )
    )$"""
_TEXTS = {
    "environment": "a file of variables",
    "key": "a private key",
    "store": "a store of keys",
    "cluster": "credentials of a cluster",
    "folder": "a folder of keys",
    "npm": "credentials of npm",
    "credentials": "a file of credentials",
}
_TEMPLATE = r"[._-](?:example|sample|template|tmpl|tpl|dist|defaults?|schema)$"
_NPM_LOGIN = rb"_(?:auth|authtoken|password)\s*="
DIGEST = f"{_NAMES} {_TEMPLATE} {_NPM_LOGIN.decode()}"


def describe_name(path: str, file: Path) -> str:
    """Return the kind of credentials that a file's path in the source stands for; "" if none.

    `file` is read where a harmless file may have the same name: a public key, a presentation, a registry for npm.
    """
    match = _compile_names().search(path)
    kind = (match and match.lastgroup) or ""
    if not kind or (kind == "environment" and re.search(_TEMPLATE, path, re.IGNORECASE)):
        return ""
    if kind == "npm" and not re.search(_NPM_LOGIN, _read_head(file), re.IGNORECASE):
        return ""
    if kind == "key" and path.lower().endswith(".key") and _is_public(_read_head(file)):
        return ""
    return _TEXTS[kind]


@cache
def _compile_names() -> re.Pattern[str]:
    return re.compile(_NAMES, re.VERBOSE | re.IGNORECASE)


def _is_public(head: bytes) -> bool:
    """Return whether a `.key` is a public key or a certificate in PEM, or a presentation (a zip)."""
    return head.startswith(b"PK\x03\x04") or (b"-----BEGIN " in head and b"PRIVATE" not in head)


def _read_head(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            return stream.read(_HEAD)
    except OSError:  # a link that leads nowhere
        return b""
