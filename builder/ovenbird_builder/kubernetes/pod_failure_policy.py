"""What becomes of a job's pod that failed: which exit statuses deserve another attempt."""

from __future__ import annotations

from typing import Any

from .pod import CONTAINER

Rule = dict[str, Any]

# a drained or preempted node is nobody's fault: the pod is made again, and no attempt is used up
DISRUPTED: Rule = {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}


def make_exit_rule(action: str, *codes: int) -> Rule:
    """Return a rule for exit statuses."""
    condition = {"containerName": CONTAINER, "operator": "In", "values": list(codes)}
    # the schema before 1.29 wants an empty `onPodConditions` too, which a server of today drops: a change at each apply
    return {"action": action, "onExitCodes": condition}


def make_policy(*rules: Rule) -> dict[str, Any]:
    """Return the rules, of which the first that fits counts."""
    return {"rules": [DISRUPTED, *rules]}
