"""Faults of accessibility, as axe-core finds them."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page


def find_faults(page: Page) -> list[str]:
    """Return the serious and critical faults of a page: the rule, and the element."""
    violations = Axe().run(page).response["violations"]
    return [
        f"{fault['id']}: {node['html'][:200]} {node['any'][:1]}"
        for fault in violations
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"]
    ]
