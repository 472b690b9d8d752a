"""A service to the outside of the cluster, by Ingress or HTTPRoute, and its metrics for Prometheus."""

from __future__ import annotations

import re

from ovenbird.common.text import show_value

from . import k8s_names
from .metadata import metadata, selector
from .pod import Document
from .request import ManifestRequest

METRICS = ("annotations", "monitor")
METRICS_PATH = "/_/metrics"
_PATH = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@/-]*")


def problems(wanted: ManifestRequest) -> list[str]:
    """What is wrong with the flags of exposure and metrics."""
    found = []
    if wanted.expose:
        host, path = split_address(wanted.expose)
        plain = host[2:] if host.startswith("*.") else host
        if not k8s_names.is_subdomain(plain) or "." not in plain or re.fullmatch(r"[0-9.]+", plain):
            found.append(
                f"--expose: expected HOST or HOST/PATH such as greet.example.com, in lower case and without a scheme or"
                f" a port, found {show_value(wanted.expose)}"
            )
        elif not _PATH.fullmatch(path) or "//" in path:
            found.append(f"--expose: expected a path such as /greet, found {show_value(path)}")
    for flag, value in (("--gateway", wanted.gateway), ("--ingress-class", wanted.ingress_class),
                        ("--tls-secret", wanted.tls_secret)):  # fmt: skip
        if value and not wanted.expose:
            found.append(f"{flag} needs --expose HOST")
        parts = value.split("/") if flag == "--gateway" else [value]
        if value and (len(parts) > 2 or not all(map(k8s_names.is_subdomain, parts))):
            found.append(f"{flag}: expected lower-case letters, digits, dashes and dots, found {show_value(value)}")
        if value and wanted.gateway and flag != "--gateway":
            found.append(f"{flag} is of an Ingress, and --gateway makes an HTTPRoute, whose gateway decides on it")
    if wanted.knative and wanted.expose:
        found.append("--expose does not go with --knative, which gives each service an address of its own")
    if wanted.knative and wanted.metrics == "monitor":
        found.append("--metrics monitor does not go with --knative, whose Services lead to no port of the pods")
    return found


def split_address(text: str) -> tuple[str, str]:
    """The host and the path of `HOST[/PATH]`; the path is `/` where none is given."""
    host, _, path = text.partition("/")
    return host, f"/{path}"


def documents(wanted: ManifestRequest, service: str, port: int, *, metrics_port: str) -> list[Document]:
    """The objects beside a Service, of its name and the number of its port; `metrics_port` is the name of a port."""
    found = []
    if wanted.expose:
        found.append(_route(wanted, service, port) if wanted.gateway else _ingress(wanted, service))
    if wanted.metrics == "monitor":
        found.append(_monitor(wanted, metrics_port))
    return found


def scrape_annotations(wanted: ManifestRequest, port: int) -> dict[str, str]:
    """The annotations of a pod that many installations of Prometheus go by; none where they are not wanted."""
    if wanted.metrics != "annotations":
        return {}
    found = {"scrape": "true", "port": str(port), "path": METRICS_PATH}
    return {f"prometheus.io/{name}": value for name, value in found.items()}


def _ingress(wanted: ManifestRequest, service: str) -> Document:
    host, path = split_address(wanted.expose)
    backend = {"service": {"name": service, "port": {"name": "http"}}}
    found: Document = {"ingressClassName": wanted.ingress_class} if wanted.ingress_class else {}
    if wanted.tls_secret:
        found["tls"] = [{"hosts": [host], "secretName": wanted.tls_secret}]
    paths = [{"path": path, "pathType": "Prefix", "backend": backend}]
    found["rules"] = [{"host": host, "http": {"paths": paths}}]
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": metadata(wanted), "spec": found}


def _route(wanted: ManifestRequest, service: str, port: int) -> Document:
    host, path = split_address(wanted.expose)
    namespace, _, name = wanted.gateway.rpartition("/")
    parent = {"name": name, **({"namespace": namespace} if namespace else {})}
    rule = {
        "matches": [{"path": {"type": "PathPrefix", "value": path}}],
        "backendRefs": [{"name": service, "port": port}],
    }
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": metadata(wanted),
        "spec": {"parentRefs": [parent], "hostnames": [host], "rules": [rule]},
    }


def _monitor(wanted: ManifestRequest, port: str) -> Document:
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "ServiceMonitor",
        "metadata": metadata(wanted),
        "spec": {
            "selector": {"matchLabels": selector(wanted)},
            "endpoints": [{"port": port, "path": METRICS_PATH}],
        },
    }
