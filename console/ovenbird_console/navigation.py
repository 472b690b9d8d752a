"""The bar at the top of every page."""

from __future__ import annotations

# (title, path): the page is current where the path of a request is this one or lies below it
NAVIGATION = (
    ("Functions", "/functions"), ("Runs", "/runs"), ("Data items", "/dataitems"), ("Artifacts", "/artifacts"),
    ("Models", "/models"), ("Compare", "/compare"), ("Services", "/services"), ("Images", "/images"),
)  # fmt: skip
