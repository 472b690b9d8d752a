"""The bar at the top of every page."""

from __future__ import annotations

# (title, path): the page is current where the path of a request is this one or lies below it
NAVIGATION = (
    ("Runs", "/runs"), ("Data items", "/dataitems"), ("Artifacts", "/artifacts"), ("Models", "/models"),
    ("Compare", "/compare"),
)  # fmt: skip
