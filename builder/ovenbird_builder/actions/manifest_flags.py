"""The flags that say what is made of a function for Kubernetes, in groups; several verbs have them."""

from __future__ import annotations

import argparse
from collections.abc import Collection
from typing import Any

from ..kubernetes import exposure, task

FLAGS: dict[str, dict[str, dict[str, Any]]] = {
    "what is made": {
        "image": {"metavar": "REF", "help": "the function's image; default: spec.image of the document"},
        "resolve": {"action": "store_true", "help": "ask the registry for the digest of a tag"},
        "authfile": {"metavar": "FILE", "help": "credentials for --resolve; default: those of buildah"},
        "ca-bundle": {"metavar": "FILE", "help": "certificates for --resolve [OVENBIRD_CA_BUNDLE, SSL_CERT_FILE]"},
        "build-result": {"metavar": "FILE", "help": "the --result-file of `ovenbird build`: functions and images"},
        "action": {"choices": task.ACTIONS, "help": "default: that of --task, what the other flags say, or serve"},
        "task": {"metavar": "FILE", "help": "a task of the platform, or its fields, as YAML or JSON"},
        "name": {"metavar": "NAME", "help": "name of the objects; default: made from the function's"},
        "namespace": {"metavar": "NAME", "help": "default: that of whoever applies them"},
        "set": {"metavar": "KIND.PATH=VALUE", "action": "append", "help": "change what a document says; repeatable"},
        "output": {"metavar": "FILE|DIR/", "help": "write there, and not to stdout; into a folder one file for each"},
        "json": {"action": "store_true", "help": "print JSON (a List), not YAML"},
    },
    "fields of the task; these win over --task, and that over the document's own": {
        "param": {"metavar": "NAME=JSON", "action": "append", "help": "a parameter; repeat for more"},
        "params": {"metavar": "FILE", "help": "a JSON or YAML file of parameters; --param wins"},
        "input": {"metavar": "NAME=KEY", "action": "append", "help": "an input of a job; repeat for more"},
        "init": {"metavar": "NAME=JSON", "action": "append", "help": "a parameter of init; repeat for more"},
        "env": {"metavar": "NAME=VALUE", "action": "append", "help": "a variable, a setting of the runtime too"},
        "secret": {"metavar": "NAME[=SECRET[/KEY]]", "action": "append", "help": "a variable that a Secret holds"},
        "volume": {"metavar": "TYPE:NAME:PATH[:SIZE]", "action": "append", "help": "pvc, empty_dir or ephemeral"},
        "cpu": {"metavar": "N", "help": "such as 500m"},
        "mem": {"metavar": "SIZE", "help": "such as 512Mi"},
        "gpu": {"metavar": "N", "help": "GPUs (nvidia.com/gpu)"},
        "disk": {"metavar": "SIZE", "help": "ephemeral storage, such as 10Gi"},
        "replicas": {"metavar": "N", "type": int, "help": "of a service"},
        "service-type": {"metavar": "TYPE", "help": "ClusterIP, NodePort or LoadBalancer"},
        "service-name": {"metavar": "NAME", "help": "of the Service; default: --name"},
        "instruction": {"metavar": "TEXT", "action": "append", "help": "of a build; repeat for more"},
    },
    "the pod": {
        "secret-name": {"metavar": "NAME", "help": "the Secret of variables that name none; default: FUNCTION-secrets"},
        "pull-secret": {"metavar": "NAME", "help": "the Secret that the image is pulled with"},
        "service-account": {"metavar": "NAME", "help": "of the pod"},
        "store-secret": {"metavar": "NAME[:KEY]", "help": "the Secret with the URL of a database for what is recorded; "
                         "default of KEY: OVENBIRD_STORE"},
        "files-store": {"metavar": "URL", "help": "where files of outputs go, such as s3://bucket/folder"},
        "writable-root": {"action": "store_true", "help": "let the function write below /shared"},
    },
    "a service": {
        "knative": {"action": "store_true", "help": "a Service of Knative, and not Deployment and Service"},
        "autoscale": {"metavar": "MIN:MAX", "help": "a HorizontalPodAutoscaler, or Knative's own bounds"},
        "target-cpu": {"metavar": "PERCENT", "type": int, "help": "of the autoscaler; default: 80"},
        "max-unavailable": {"metavar": "N|N%", "help": "a PodDisruptionBudget"},
        "expose": {"metavar": "HOST[/PATH]", "help": "an Ingress, or with --gateway an HTTPRoute"},
        "ingress-class": {"metavar": "NAME", "help": "of the Ingress; default: the cluster's"},
        "tls-secret": {"metavar": "NAME", "help": "the Secret with the certificate of the Ingress"},
        "gateway": {"metavar": "[NAMESPACE/]NAME", "help": "the Gateway that the HTTPRoute belongs to"},
        "metrics": {"choices": exposure.METRICS, "default": "", "help": "let Prometheus scrape: by annotations of the "
                    "pods, or by a ServiceMonitor"},
    },
    "a job": {
        "schedule": {"metavar": "CRON", "help": "a CronJob, such as '0 3 * * *' or @daily"},
        "time-zone": {"metavar": "NAME", "help": "of the schedule, such as Europe/Rome"},
        "each": {"metavar": "FILE", "help": "an indexed Job: a run for each line, a JSON object of parameters"},
        "grid": {"metavar": "NAME=VALUE,VALUE", "action": "append", "help": "values of a parameter; repeat for more: a "
                 "run for each combination, and for each with every line of --each"},
        "parallelism": {"metavar": "N", "type": int, "help": "runs at once of --each and --grid; default: 10"},
        "retries": {"metavar": "N", "type": int, "help": "further attempts; default: 3"},
        "ttl": {"metavar": "DURATION", "help": "remove the finished Job after this long; default: never"},
        "generate-name": {"action": "store_true", "help": "let the cluster complete the Job's name (kubectl create)"},
    },
    "a build in the cluster": {
        "tag": {"metavar": "REF", "help": "the image that is built and pushed; --image is then the builder's"},
        "registry-secret": {"metavar": "NAME", "help": "the Secret (kubernetes.io/dockerconfigjson) to push with"},
    },
}  # fmt: skip


def add_flags(parser: argparse.ArgumentParser, left_out: Collection[str] = ()) -> None:
    """Add the flags to a parser, in their groups, but for those that are left out."""
    for title, flags in FLAGS.items():
        names = [name for name in flags if name not in left_out]
        group = parser.add_argument_group(title) if names else None
        for name in names:
            assert group
            group.add_argument(f"--{name}", **_complete(flags[name]))


def make_flags(**given: Any) -> argparse.Namespace:
    """Return all flags by their names, with underscores: those that are given, the others with their defaults."""
    defaults = {
        name.replace("-", "_"): False if keywords.get("action") == "store_true" else _complete(keywords).get("default")
        for flags in FLAGS.values()
        for name, keywords in flags.items()
    }
    return argparse.Namespace(**{"target": "", **defaults, **given})


def _complete(keywords: dict[str, Any]) -> dict[str, Any]:
    """Return the keywords of a flag as argparse takes them, with a default."""
    more = {**keywords, "help": keywords["help"].replace("%", "%%")}
    if "action" not in more and "choices" not in more:
        more.setdefault("default", None if "type" in more else "")
    return more
