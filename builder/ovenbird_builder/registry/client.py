"""A small client of the OCI distribution API: manifests, blobs and referrers of one repository.

Spec: https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md. Whole images go through skopeo; this is
for what skopeo does not know.
"""

from __future__ import annotations

import contextlib
import json
import ssl
import threading
from collections.abc import Iterator, Mapping
from typing import IO, Any, cast
from urllib.parse import quote, urljoin

import urllib3
from msgspec import Struct
from urllib3.util.ssl_ import create_urllib3_context

from ovenbird.common.hashing import digest_bytes
from ovenbird.common.text import show_value
from ovenbird.common.url_port import PORT_HINT, describe_bad_proxy

from ..errors import BaseMissingError, DigestError, RegistryAuthError, RegistryError
from ..host.network import NetworkSettings, is_proxy_bypassed
from ..oci.media_types import INDEX, MANIFESTS
from ..oci.reference import ImageReference
from .auth_config import find_login
from .bearer_auth import BearerAuth
from .insecure import is_insecure

_LARGEST = 4 * 1024 * 1024  # bytes of a manifest; what registries accept at most
_BUSY = (429, 500, 502, 503, 504)
_READING = ("GET", "HEAD")


class RegistryConnectionError(RegistryError):
    """The registry could not be reached, or broke off: the same may succeed a little later."""


class ManifestDocument(Struct, frozen=True):
    """A manifest or index as the registry has it: its bytes, media type, digest."""

    data: bytes
    media_type: str
    digest: str

    @property
    def json(self) -> Any:
        """Return the value of the JSON."""
        return json.loads(self.data)


class RepositoryClient:
    """One repository of a registry, spoken to over connections that are kept."""

    def __init__(
        self,
        reference: ImageReference,
        environ: Mapping[str, str],
        *,
        network: NetworkSettings | None = None,
        authfile: str = "",
        tls_verify: bool = True,
        timeout: float = 60.0,
    ) -> None:
        """Nothing is sent yet. `timeout` is in seconds, for each answer; `tls_verify` off allows plain HTTP too."""
        self.host, _, self.path = reference.repository.partition("/")
        lax = not tls_verify or is_insecure(self.host, environ)
        self._pool = _make_pool(self.host, network or NetworkSettings(), lax, timeout)
        self._schemes = ("https", "http") if lax else ("https",)
        self._root = ""
        self._lock = threading.Lock()  # one request finds out where the registry is, and who we are to it, for all
        self._tokens = BearerAuth(self._pool, find_login(reference, environ, authfile), self.path)

    def fetch_manifest(self, target: str) -> ManifestDocument:
        """Return the manifest or index at a tag or digest. Errors: BaseMissingError, DigestError, RegistryError."""
        answer = self._send("GET", f"manifests/{target}", headers={"Accept": ", ".join(MANIFESTS)})
        if answer.status == 404:
            raise BaseMissingError(f"there is no image {show_value(self._format_name(target))} in the registry")
        data = self._check_answer(answer, 200).data
        digest = digest_bytes(data)
        if target.startswith("sha256:") and digest != target:
            raise DigestError(f"the registry gave {digest} when asked for {show_value(self._format_name(target))}")
        kind = (answer.headers.get("Content-Type") or "").partition(";")[0]
        return ManifestDocument(data, kind, digest)

    def put_manifest(self, target: str, data: bytes, media_type: str) -> bool:
        """Store a manifest at a tag or digest; return whether the registry has linked it to its subject by itself."""
        answer = self._send("PUT", f"manifests/{target}", body=data, headers={"Content-Type": media_type})
        self._check_answer(answer, 201)
        return bool(answer.headers.get("OCI-Subject"))

    def has_blob(self, digest: str) -> bool:
        """Return whether the repository holds a blob."""
        answer = self._send("HEAD", f"blobs/{digest}")
        return answer.status != 404 and bool(self._check_answer(answer, 200, 307))

    @contextlib.contextmanager
    def open_blob(self, digest: str) -> Iterator[IO[bytes]]:
        """Yield a blob as a stream, which is not checked. Errors: BaseMissingError, RegistryError."""
        answer = self._send("GET", f"blobs/{digest}", stream=True)
        try:
            if answer.status == 404:
                raise BaseMissingError(f"there is no blob {show_value(self._format_name(digest))} in the registry")
            yield cast("IO[bytes]", self._check_answer(answer, 200))  # it reads like a file
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise RegistryError(f"the registry {self.host} broke off: {_describe_cause(error)}") from None
        finally:
            answer.close()

    def mount_blob(self, digest: str, origin: str) -> bool:
        """Mount a blob from another repository of the registry; return False when the registry refuses."""
        answer = self._send("POST", f"blobs/uploads/?mount={quote(digest)}&from={quote(origin)}")
        if answer.status == 202:  # an upload was begun instead: end it
            self._send("DELETE", answer.headers.get("Location") or "blobs/uploads/none")
        return answer.status == 201

    def upload_blob(self, digest: str, content: bytes | IO[bytes], size: int) -> None:
        """Store a blob of `size` bytes, in one piece. Errors: RegistryError, RegistryAuthError."""
        begun = self._check_answer(self._send("POST", "blobs/uploads/"), 202)
        location = begun.headers.get("Location") or ""
        location += ("&" if "?" in location else "?") + f"digest={quote(digest)}"
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
        # what broke off amid a blob begins anew: the registry knows this upload no more
        self._check_answer(self._send("PUT", location, body=content, headers=headers, retries=False), 201)

    def fetch_referrers(self, digest: str) -> list[dict[str, Any]] | None:
        """Return the descriptors of the registry's referrers API; None when it has no such API."""
        answer = self._send("GET", f"referrers/{digest}", headers={"Accept": INDEX})
        kind = (answer.headers.get("Content-Type") or "").partition(";")[0]
        if answer.status in (400, 404, 405, 406) or (answer.status == 200 and kind != INDEX):
            return None
        descriptors: list[dict[str, Any]] = json.loads(self._check_answer(answer, 200).data).get("manifests") or []
        return descriptors

    def _send(
        self,
        method: str,
        location: str,
        *,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        stream: bool = False,
        retries: bool | None = None,
    ) -> urllib3.BaseHTTPResponse:
        """Send one request, with credentials as soon as the registry asks for them."""
        with self._lock:
            self._root = self._root or self._find_root_url()
        url = urljoin(f"{self._root}/v2/{self.path}/", location)
        own = url.startswith(self._root + "/")  # credentials are for the registry, not for where it sends us
        for attempt in (1, 2):
            authorization = self._tokens.make_header() if own else {}
            try:
                answer = self._pool.request(
                    method, url, body=body, headers={**(headers or {}), **authorization}, preload_content=not stream,
                    retries=retries,
                )  # fmt: skip
            except urllib3.exceptions.HTTPError as error:
                raise RegistryConnectionError(f"the registry {self.host} broke off: {_describe_cause(error)}") from None
            if answer.status != 401 or attempt == 2 or not own:
                break
            challenge = answer.headers.get("WWW-Authenticate") or ""
            with self._lock:  # unless another request has been given an answer meanwhile
                if authorization == self._tokens.make_header() and not self._tokens.answer_challenge(
                    challenge, write=method not in _READING
                ):
                    break
            if hasattr(body, "seek"):
                body.seek(0)
        return answer

    def _find_root_url(self) -> str:
        """Return the root URL of the registry: TLS where it is spoken, plain HTTP only where that is allowed."""
        host = "registry-1.docker.io" if self.host == "docker.io" else self.host
        cause: Exception | None = None
        for scheme in self._schemes:
            try:
                answer = self._pool.request("GET", f"{scheme}://{host}/v2/", retries=len(self._schemes) == 1 and 3)
            except urllib3.exceptions.HTTPError as error:
                cause = error
                continue
            if answer.status == 401:
                self._tokens.keep_challenge(answer.headers.get("WWW-Authenticate") or "")
            return f"{scheme}://{host}"
        plain = "http" not in self._schemes and isinstance(_find_root_cause(cause), ssl.SSLError)
        hint = "`--ca-bundle FILE`; a registry without TLS: mark it as insecure in `registries.conf`" if plain else ""
        kind = RegistryError if hint else RegistryConnectionError
        raise kind(f"the registry {self.host} does not answer: {_describe_cause(cause)}", hint=hint)

    def _check_answer(self, answer: urllib3.BaseHTTPResponse, *statuses: int) -> urllib3.BaseHTTPResponse:
        """Return the answer, when its status is one of these. Errors: RegistryAuthError, RegistryError."""
        if answer.status in statuses:
            return answer
        message = _read_error(answer)
        where = f"the registry {self.host}"
        if answer.status in _BUSY:
            raise RegistryConnectionError(f"{where} answers {answer.status} for {show_value(self.path)}: {message}")
        if answer.status in (401, 403):
            raise RegistryAuthError(
                f"{where} refuses {show_value(self.path)}: {message}",
                hint="`buildah login REGISTRY`, or `--authfile FILE`, or `ovenbird build --creds-file FILE`",
            )
        raise RegistryError(f"{where} answers {answer.status} for {show_value(self.path)}: {message}")

    def _format_name(self, target: str) -> str:
        return f"{self.host}/{self.path}" + ("@" if target.startswith("sha256:") else ":") + target


def _make_pool(host: str, network: NetworkSettings, lax: bool, timeout: float) -> urllib3.PoolManager:
    """Return connections that retry a busy registry and one that breaks off, and never an answer that says no."""
    retries = urllib3.Retry(total=3, backoff_factor=0.2, status_forcelist=_BUSY, raise_on_status=False,
                            allowed_methods=None, respect_retry_after_header=True)  # fmt: skip
    options: dict[str, Any] = {"retries": retries, "timeout": timeout, "maxsize": 8}
    if network.ca_bundle:
        options["ca_certs"] = str(network.ca_bundle)
    if lax:  # a context of ours, as urllib3's would read all certificates of the system, to check none
        options |= {"ssl_context": create_urllib3_context(cert_reqs=ssl.CERT_NONE), "assert_hostname": False}
    proxies = {name.lower().removesuffix("_proxy"): value for name, value in network.proxies.items()}
    proxy = proxies.get("https") or proxies.get("all")
    if proxy and not lax and not is_proxy_bypassed(host, proxies):
        if problem := describe_bad_proxy("https_proxy" if proxies.get("https") else "all_proxy", proxy):
            raise RegistryError(problem, hint=PORT_HINT)
        return urllib3.ProxyManager(proxy, **options)
    return urllib3.PoolManager(**options)


def _read_error(answer: urllib3.BaseHTTPResponse) -> str:
    """Return the registry's error message, in its own words."""
    with contextlib.suppress(ValueError, KeyError, IndexError, TypeError, AttributeError):
        first = json.loads(answer.data[:_LARGEST])["errors"][0]
        return f"{first.get('code', '')} {first.get('message', '')}".strip()
    return answer.reason or f"status {answer.status}"


def _find_root_cause(error: Exception | None) -> Exception | None:
    """Return the innermost reason of urllib3's nested errors."""
    while error is not None:
        inner = getattr(error, "reason", None) or (error.args[-1] if error.args else None)
        if not isinstance(inner, Exception):
            break
        error = inner
    return error


def _describe_cause(error: Exception | None) -> str:
    """Return the message of an error, without the address of an object that urllib3 puts first."""
    text = str(_find_root_cause(error))
    return text.partition(": ")[2] if "object at 0x" in text or text.startswith("HTTP") else text
