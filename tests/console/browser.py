"""The page in tests: `ovenbird ui` in a process of its own, looked at by Debian's chromium."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from playwright.sync_api import Browser, Page, sync_playwright
from tests import starts

_FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run", "--disable-dev-shm-usage",
)  # fmt: skip


@dataclass
class Site:
    """A started page: its address with the token, its origin, and what has been printed on stderr."""

    address: str
    folder: Path
    process: Any
    errors: list[str] = field(default_factory=list)

    @property
    def origin(self) -> str:
        """Return the origin, such as `http://127.0.0.1:8081`."""
        parts = urlsplit(self.address)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def token(self) -> str:
        """Return the token."""
        return urlsplit(self.address).query.removeprefix("token=")

    def client(self, **headers: str) -> httpx.Client:
        """Return a client that has the cookie and sends what a browser sends from the page itself."""
        cookie = f"ovenbird_ui_{urlsplit(self.address).port}={self.token}"
        own = {"cookie": cookie, "origin": self.origin, "sec-fetch-site": "same-origin", **headers}
        return httpx.Client(base_url=self.origin, headers=own, verify=False, timeout=60)


@contextmanager
def start_site(folder: Path, *flags: str, **environ: str) -> Iterator[Site]:
    """Start `ovenbird ui` in a folder, wait until it listens, and end it."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("OVENBIRD_", "DHCORE_"))}
    process = starts.start(
        ("ui", "--port", "0", *flags), cwd=folder, env={**env, **environ}, text=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    errors: list[str] = []
    reader = threading.Thread(target=lambda: errors.extend(process.stderr), daemon=True)
    reader.start()
    try:
        address = process.stdout.readline().strip()
        assert address, "".join(errors)
        yield Site(address, folder, process, errors)
    finally:
        process.terminate()
        process.wait(30)
        reader.join(10)
        process.stdout.close()
        process.stderr.close()


@contextmanager
def start_browser() -> Iterator[Browser]:
    """Start one chromium, for all tests of a module."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(_FLAGS))
        try:
            yield browser
        finally:
            browser.close()


def open_page(browser: Browser, site: Site, path: str = "/", **options: Any) -> Page:
    """Return a new tab of a browser without history, at a path of the page; what its console says is an error."""
    context = browser.new_context(**{"viewport": {"width": 1200, "height": 800}, **options})
    page = context.new_page()
    page.set_default_timeout(30_000)
    page.problems = []  # type: ignore[attr-defined]
    page.on("console", lambda message: _add_problem(page, message))  # type: ignore[attr-defined]
    page.on("pageerror", lambda error: page.problems.append(str(error)))  # type: ignore[attr-defined]
    page.goto(site.address)
    if path != "/":
        page.goto(site.origin + path)
    return page


def _add_problem(page: Any, message: Any) -> None:
    """Keep an error of a tab's console; networks of containers that tests make and remove are none."""
    if message.type == "error" and "ERR_NETWORK_CHANGED" not in message.text:
        page.problems.append(message.text)


def make_environ(folder: Path, **more: str) -> Mapping[str, str]:
    """Return the environment of a run in a folder: the store is the folder's own."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("OVENBIRD_", "DHCORE_"))}
    return {**env, **more}
