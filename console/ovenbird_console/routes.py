"""Every page: a module in `pages/` gives its routes as `ROUTES` and is named here; `navigation.py` has the bar.

A page is a function of a request, run on a thread: it borrows a store (`get_console(request).stores.borrow()`) and
returns `render(request, "page.html", ...)`. What changes something is a POST that ends in a redirect.
"""

from __future__ import annotations

from starlette.routing import BaseRoute, Route

from .pages import compare, downloads, entities, home, lineage, run_page, runs

ROUTES: list[BaseRoute] = [
    Route("/", home.show_home),
    *runs.ROUTES,
    *run_page.ROUTES,
    *compare.ROUTES,
    *downloads.ROUTES,
    *entities.ROUTES,
    *lineage.ROUTES,
]
