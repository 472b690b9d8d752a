"""A service to the outside of the cluster, by Ingress or HTTPRoute, and its metrics for Prometheus."""

from __future__ import annotations

import re

from ovenbird.common.text import show_value

from . import k8s_names
from .metadata import make_metadata, make_selector
from .pod import Document
from .request import ManifestRequest

METRICS = ("annotations", "monitor")
METRICS_PATH = "/_/metrics"
_PATH = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@/-]*")
_REFUSED_PART = re.compile(r"//|/\.\.?(/|$)")  # Kubernetes takes no such path


def list_problems(request: ManifestRequest) -> list[str]:
    """Return the problems of the flags of exposure and metrics."""
    texts = []
    if request.expose:
        host, path = split_address(request.expose)
        plain = host[2:] if host.startswith("*.") else host
        if not k8s_names.is_subdomain(plain) or "." not in plain or re.fullmatch(r"[0-9.]+", plain):
            texts.append(
                f"--expose: expected `HOST` or `HOST/PATH` such as `greet.example.com`, in lower case and without a"
                f" scheme or a port, found {show_value(request.expose)}"
            )
        elif not _PATH.fullmatch(path) or _REFUSED_PART.search(path):
            texts.append(f"--expose: expected a path such as `/greet`, found {show_value(path)}")
    for flag, value in (("--gateway", request.gateway), ("--ingress-class", request.ingress_class),
                        ("--tls-secret", request.tls_secret)):  # fmt: skip
        if value and not request.expose:
            texts.append(f"`{flag}` needs `--expose HOST`")
        parts = value.split("/") if flag == "--gateway" else [value]
        if value and (len(parts) > 2 or not all(map(k8s_names.is_subdomain, parts))):
            texts.append(f"{flag}: expected lower-case letters, digits, dashes and dots, found {show_value(value)}")
        if value and request.gateway and flag != "--gateway":
            texts.append(f"`{flag}` is of an Ingress, and `--gateway` makes an HTTPRoute, whose gateway decides on it")
    if request.knative and request.expose:
        texts.append("`--expose` does not go with `--knative`, which gives each service an address of its own")
    if request.knative and request.metrics == "monitor":
        texts.append("`--metrics monitor` does not go with `--knative`, whose Services lead to no port of the pods")
    return texts


def split_address(text: str) -> tuple[str, str]:
    """Return the host and the path of `HOST[/PATH]`; the path is `/` where none is given."""
    host, _, path = text.partition("/")
    return host, f"/{path}"


def make_documents(request: ManifestRequest, service: str, port: int, *, metrics_port: str) -> list[Document]:
    """Return the objects beside a Service, of its name and the number of its port.

    `metrics_port` is the name of a port.
    """
    objects = []
    if request.expose:
        objects.append(_make_route(request, service, port) if request.gateway else _make_ingress(request, service))
    if request.metrics == "monitor":
        objects.append(_make_monitor(request, metrics_port))
    return objects


def make_scrape_annotations(request: ManifestRequest, port: int) -> dict[str, str]:
    """Return the annotations of a pod that many installations of Prometheus go by; none where they are not wanted."""
    if request.metrics != "annotations":
        return {}
    annotations = {"scrape": "true", "port": str(port), "path": METRICS_PATH}
    return {f"prometheus.io/{name}": value for name, value in annotations.items()}


def _make_ingress(request: ManifestRequest, service: str) -> Document:
    host, path = split_address(request.expose)
    backend = {"service": {"name": service, "port": {"name": "http"}}}
    spec: Document = {"ingressClassName": request.ingress_class} if request.ingress_class else {}
    if request.tls_secret:
        spec["tls"] = [{"hosts": [host], "secretName": request.tls_secret}]
    paths = [{"path": path, "pathType": "Prefix", "backend": backend}]
    spec["rules"] = [{"host": host, "http": {"paths": paths}}]
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": make_metadata(request), "spec": spec}


def _make_route(request: ManifestRequest, service: str, port: int) -> Document:
    host, path = split_address(request.expose)
    namespace, _, name = request.gateway.rpartition("/")
    parent = {"name": name, **({"namespace": namespace} if namespace else {})}
    rule = {
        "matches": [{"path": {"type": "PathPrefix", "value": path}}],
        "backendRefs": [{"name": service, "port": port}],
    }
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": make_metadata(request),
        "spec": {"parentRefs": [parent], "hostnames": [host], "rules": [rule]},
    }


def _make_monitor(request: ManifestRequest, port: str) -> Document:
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "ServiceMonitor",
        "metadata": make_metadata(request),
        "spec": {
            "selector": {"matchLabels": make_selector(request)},
            "endpoints": [{"port": port, "path": METRICS_PATH}],
        },
    }
