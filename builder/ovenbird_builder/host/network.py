"""What a site asks for on the way out: its certificate authority and its proxy, for every step that fetches."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from ovenbird.common.text import show_value

from ..errors import BuildRequestError

_PROXY = ("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY")
# what pip, OpenSSL, requests, curl, git and node read; all name one file of certificates
_CA = (
    "SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "NODE_EXTRA_CA_CERTS",
    "AWS_CA_BUNDLE",
)  # fmt: skip
_HOST = re.compile(r"[a-z0-9]([a-z0-9._-]{0,251}[a-z0-9])?|[0-9a-f:.]{2,45}")
MOUNT = "/run/ovenbird"  # where what a step needs is mounted; nothing below it ever enters a layer


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """The certificate authority (a PEM file of this machine, or None), the caller's proxies, and further hosts."""

    ca_bundle: Path | None = None
    proxies: Mapping[str, str] = field(default_factory=dict)
    hosts: tuple[str, ...] = ()  # that a repository may name beside the source's own, in lower case

    def make_host_env(self) -> dict[str, str]:
        """Return the variables for a program that runs on this machine."""
        return dict(self.proxies) | ({name: str(self.ca_bundle) for name in _CA} if self.ca_bundle else {})

    def make_container_env(self) -> dict[str, str]:
        """Return the variables for a program that runs in a container which has `mounts`."""
        return dict(self.proxies) | (dict.fromkeys(_CA, f"{MOUNT}/ca.pem") if self.ca_bundle else {})

    def list_mounts(self) -> tuple[str, ...]:
        """Return the mounts that a container needs, as `HOST:PATH:ro`."""
        return (f"{self.ca_bundle}:{MOUNT}/ca.pem:ro",) if self.ca_bundle else ()

    def list_secrets(self) -> tuple[str, ...]:
        """Return the texts to hide: proxies' URLs with a login, and its password, as written and unquoted."""
        urls = [value for value in self.proxies.values() if "@" in value]
        words = [url.rpartition("@")[0].rpartition("/")[2].partition(":")[2] for url in urls]
        return tuple(dict.fromkeys((*urls, *(form for word in words if word for form in (word, unquote(word))))))


def read_network_settings(
    ca_bundle: str, environ: Mapping[str, str], hosts: Sequence[str] | None = None
) -> NetworkSettings:
    """Return the caller's network: the flag wins over `OVENBIRD_CA_BUNDLE`, `SSL_CERT_FILE`, `PIP_CERT`.

    `hosts` are those of `--allow-host`, else those of its variable.
    Errors: BuildRequestError when the file does not exist or holds no certificate, or for what is no host.
    """
    allowed = _parse_hosts(environ.get("OVENBIRD_ALLOW_HOST", "").splitlines() if hosts is None else hosts)
    names = ("OVENBIRD_CA_BUNDLE", "SSL_CERT_FILE", "PIP_CERT")
    origin, text = "--ca-bundle", ca_bundle
    if not text:
        origin = next((name for name in names if environ.get(name)), "")
        text = environ.get(origin, "")
    proxies = {
        name: value for word in _PROXY for name in (word, word.lower()) if (value := environ.get(name))
    }  # fmt: skip
    if not text:
        return NetworkSettings(None, proxies, allowed)
    path = Path(os.path.abspath(text))  # noqa: PTH100  # a link stays a link: sites replace its target
    try:
        content = path.read_bytes()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise BuildRequestError(f"{origin}: cannot read the certificates {show_value(text)}: {why}") from None
    if b"BEGIN CERTIFICATE" not in content and b"BEGIN TRUSTED CERTIFICATE" not in content:
        raise BuildRequestError(f"{origin}: {show_value(text)} holds no certificate in PEM form")
    return NetworkSettings(path, proxies, allowed)


def _parse_hosts(texts: Sequence[str]) -> tuple[str, ...]:
    hosts = [text.strip().lower().rstrip(".") for text in texts if text.strip()]
    for text in hosts:
        if not _HOST.fullmatch(text):
            hint = "write it without scheme, user, port and path: lfs.example.org"
            raise BuildRequestError(f"--allow-host: {show_value(text)} is not the name of a host", hint=hint)
    return tuple(hosts)


def is_proxy_bypassed(host: str, proxies: Mapping[str, str]) -> bool:
    """Return whether `host` is asked past the proxy, by the suffixes and ports of `no` in `proxies`."""
    from urllib import request

    # people write `[::1]` or `::1` for what a registry at `[::1]:5000` is
    forms = [host, *([host[1:].partition("]")[0]] if host.startswith("[") else [])]
    bypass = request.proxy_bypass_environment  # type: ignore[attr-defined]  # not in typeshed
    return any(bypass(form, proxies) for form in forms)
