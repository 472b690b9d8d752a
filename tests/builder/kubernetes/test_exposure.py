"""A service to the outside, and its metrics: Ingress, HTTPRoute, annotations, ServiceMonitor."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .conftest import Manifests, pod_of

SERVE = ("--action", "serve")


def test_an_ingress(make: Callable[..., Manifests]) -> None:
    """It leads to the Service's port by name; class and certificate are those that are named."""
    manifests = make("--expose", "greet.example.com")
    assert manifests.kinds == ["Deployment", "Service", "Ingress"]
    backend = {"service": {"name": "greet", "port": {"name": "http"}}}
    rule = {"host": "greet.example.com", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
    assert manifests["Ingress"]["spec"] == {"rules": [rule]}
    assert "can call the function, which asks nobody who they are" in manifests.notes
    assert "OVENBIRD_ADMIN_PORT" in manifests.notes
    manifests = make(
        "--expose", "*.example.com/a/b", "--ingress-class", "nginx", "--tls-secret", "tls", "--service-name", "front"
    )
    spec = manifests["Ingress"]["spec"]
    assert (spec["ingressClassName"], spec["tls"]) == ("nginx", [{"hosts": ["*.example.com"], "secretName": "tls"}])
    (path,) = spec["rules"][0]["http"]["paths"]
    assert (path["path"], path["backend"]["service"]["name"]) == ("/a/b", "front")
    assert manifests["Service"]["metadata"]["name"] == "front"
    assert manifests["Service"]["spec"]["ports"][0]["name"] == "http"


def test_a_route_of_a_gateway(make: Callable[..., Manifests]) -> None:
    """By the number of the Service's port, as an HTTPRoute names it; the Gateway may be of another namespace."""
    manifests = make("--expose", "greet.example.com/greet", "--gateway", "infra/public")
    assert manifests.kinds == ["Deployment", "Service", "HTTPRoute"]
    route = manifests["HTTPRoute"]
    assert route["apiVersion"] == "gateway.networking.k8s.io/v1"
    assert route["spec"] == {
        "parentRefs": [{"name": "public", "namespace": "infra"}],
        "hostnames": ["greet.example.com"],
        "rules": [
            {
                "matches": [{"path": {"type": "PathPrefix", "value": "/greet"}}],
                "backendRefs": [{"name": "greet", "port": manifests["Service"]["spec"]["ports"][0]["port"]}],
            }
        ],
    }
    assert make("--expose", "a.b", "--gateway", "g")["HTTPRoute"]["spec"]["parentRefs"] == [{"name": "g"}]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--expose", "https://greet.example.com"), "--expose: expected `HOST` or `HOST/PATH`"),
        (("--expose", "greet.example.com:8080"), "--expose: expected `HOST`"),
        (("--expose", "Greet.example.com"), "--expose: expected `HOST`"),
        (("--expose", "10.0.0.1"), "--expose: expected `HOST`"),
        (("--expose", "greet"), "--expose: expected `HOST`"),
        (("--expose", "a.*.com"), "--expose: expected `HOST`"),
        (("--expose", "a.b/x y"), "--expose: expected a path"),
        (("--expose", "a.b//x"), "--expose: expected a path"),
        (("--expose", "a.b/../x"), "--expose: expected a path"),
        (("--expose", "a.b/x/."), "--expose: expected a path"),
        (("--gateway", "g", *SERVE), "`--gateway` needs `--expose HOST`"),
        (("--tls-secret", "t", *SERVE), "`--tls-secret` needs `--expose HOST`"),
        (("--expose", "a.b", "--gateway", "a/b/c"), "--gateway: expected lower-case"),
        (("--expose", "a.b", "--gateway", "g", "--tls-secret", "t"), "`--tls-secret` is of an Ingress"),
        (("--expose", "a.b", "--action", "job"), "`--expose` does not go with `--action job`"),
        (("--expose", "a.b", "--knative"), "`--expose` does not go with `--knative`"),
        (("--metrics", "monitor", "--knative"), "`--metrics monitor` does not go with `--knative`"),
        (("--metrics", "annotations", "--action", "job"), "`--metrics` does not go with `--action job`"),
        (("--metrics", "monitor", "--env", "OVENBIRD_ADMIN_PORT=off"), "`OVENBIRD_ADMIN_PORT` is `off`"),
    ],
)
def test_impossible_combinations_are_reported(
    words: tuple[str, ...], message: str, refused: Callable[..., str]
) -> None:
    """Before a cluster refuses it, or takes it and does nothing."""
    assert message in refused(*words)


def test_annotations_for_prometheus(make: Callable[..., Manifests]) -> None:
    """On the pods, with the port that the metrics have."""
    manifests = make("--metrics", "annotations")
    annotations = pod_of(manifests["Deployment"])["metadata"]["annotations"]
    assert annotations == {
        "prometheus.io/scrape": "true", "prometheus.io/port": "8080", "prometheus.io/path": "/_/metrics",
    }  # fmt: skip
    manifests = make("--metrics", "annotations", "--env", "OVENBIRD_ADMIN_PORT=9090")
    assert pod_of(manifests["Deployment"])["metadata"]["annotations"]["prometheus.io/port"] == "9090"
    assert {"name": "admin", "containerPort": 9090, "protocol": "TCP"} in manifests.container["ports"]
    assert [port["name"] for port in manifests["Service"]["spec"]["ports"]] == ["http"]
    knative = pod_of(make("--knative", "--metrics", "annotations")["Service"])["metadata"]["annotations"]
    assert knative["prometheus.io/path"] == "/_/metrics"
    assert "annotations" not in pod_of(make(*SERVE)["Deployment"])["metadata"]


def test_a_monitor_for_the_operator_of_prometheus(make: Callable[..., Manifests]) -> None:
    """It finds the Service by its labels and the port by its name, which is in the Service."""
    for env, name in (((), "http"), (("--env", "OVENBIRD_ADMIN_PORT=9090"), "admin")):
        manifests = make("--metrics", "monitor", "--namespace", "team", *env)
        monitor = manifests["ServiceMonitor"]
        assert monitor["apiVersion"] == "monitoring.coreos.com/v1"
        assert monitor["metadata"]["namespace"] == "team"
        assert monitor["spec"]["endpoints"] == [{"port": name, "path": "/_/metrics"}]
        labels = monitor["spec"]["selector"]["matchLabels"]
        assert labels.items() <= manifests["Service"]["metadata"]["labels"].items()
        ports = {port["name"]: port for port in manifests["Service"]["spec"]["ports"]}
        assert name in ports
        assert ports[name]["targetPort"] in [port["name"] for port in manifests.container["ports"]]
