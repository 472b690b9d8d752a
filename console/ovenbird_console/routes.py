"""Every page: a module in `pages/` gives its routes as `ROUTES` and is named here; `navigation.py` has the bar.

A page is a function of a request, run on a thread: it borrows a store (`get_console(request).stores.borrow()`) and
returns `render(request, "page.html", ...)`. What changes something is a POST that ends in a redirect.
"""

from __future__ import annotations

from starlette.routing import BaseRoute, Route

from .pages import (
    compare,
    downloads,
    entities,
    function_page,
    functions,
    home,
    images,
    lineage,
    new_function,
    run_form,
    run_page,
    runs,
    services,
    sweeps,
)

ROUTES: list[BaseRoute] = [
    Route("/", home.show_home),
    *functions.ROUTES,
    *function_page.ROUTES,
    *new_function.ROUTES,
    *run_form.ROUTES,
    *runs.ROUTES,
    *run_page.ROUTES,
    *sweeps.ROUTES,
    *compare.ROUTES,
    *downloads.ROUTES,
    *entities.ROUTES,
    *lineage.ROUTES,
    *services.ROUTES,
    *images.ROUTES,
]
