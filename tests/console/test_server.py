"""The start and the end of the page: the browser that it opens, the signals that end it."""

from __future__ import annotations

import os
import signal
import stat
from pathlib import Path
from urllib.parse import unquote, urlsplit

import httpx
import pytest
from playwright.sync_api import Browser
from tests import starts
from tests.console.browser import Site, start_site
from tests.console.project import write_project
from tests.service import wait_until

pytestmark = pytest.mark.slow


def test_the_browser_gets_the_token_by_a_file_of_its_own(browser: Browser, tmp_path: Path) -> None:
    """Its arguments, which all users can read, hold no token; the file leads in, and is gone in the end."""
    opener = tmp_path / "opener"
    opener.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/draft\nmv {tmp_path}/draft {tmp_path}/arguments\n')
    opener.chmod(0o755)
    with start_site(tmp_path, "--open", BROWSER=f"{opener} %s") as site:
        arguments = tmp_path / "arguments"
        wait_until(arguments.exists, lambda: "".join(site.errors))
        url = arguments.read_text().strip()
        assert (url.startswith("file:///"), site.token in url) == (True, False)
        path = Path(unquote(urlsplit(url).path))
        assert [stat.S_IMODE(item.stat().st_mode) for item in (path, path.parent)] == [0o600, 0o700]
        context = browser.new_context()
        page = context.new_page()
        page.goto(url)
        page.wait_for_url(site.origin + "/functions", timeout=30_000)
        assert page.locator("h1").inner_text() == "Functions"
        context.close()
    assert not path.parent.exists()


def test_a_closed_terminal_ends_the_page_with_its_services(tmp_path: Path) -> None:
    """SIGHUP leaves no service behind."""
    write_project(tmp_path)
    with start_site(tmp_path) as site:
        address = _start_service(site)
        site.process.send_signal(signal.SIGHUP)
        assert site.process.wait(60) == 128 + signal.SIGTERM, "".join(site.errors)
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{address}/_/live", verify=False)


def _start_service(site: Site) -> str:
    """Serve a function by the page; return the address, which answers."""
    with site.client() as client:
        task = client.post("/services/start", data={"target": "train.py:wait"}).headers["location"]

        def find_address() -> str:
            return client.get(f"{task}/body").text.partition('href="http://')[2].partition("/_/")[0]

        address = f"http://{wait_until(find_address, lambda: client.get(task).text, pause=0.1)}"
    assert httpx.get(f"{address}/_/live", verify=False).status_code == 200
    return address


@pytest.mark.parametrize(
    ("store", "message"),
    [
        ("mysql://ann:hunter2@h/x", "OVENBIRD_STORE: expected the URL of a PostgreSQL database"),
        ("postgresql://ann:hunter2@h:99999/x", "OVENBIRD_STORE: the URL of the database has a port out of range"),
    ],
)
def test_a_store_that_is_none_is_told_at_the_start(tmp_path: Path, store: str, message: str) -> None:
    """And not on each page; the URL, which may hold a password, is not shown."""
    process = starts.run("ui", "--port", "0", cwd=tmp_path, env={**os.environ, "OVENBIRD_STORE": store})
    assert process.returncode == 70, process.stderr
    assert message in process.stderr
    assert "hunter2" not in process.stderr
    assert not process.stdout


def test_a_store_that_is_a_broken_link_is_told_at_the_start(tmp_path: Path) -> None:
    """The page does not wait for a disk that is not mounted, nor make the folder in its place."""
    (tmp_path / ".ovenbird").symlink_to(tmp_path / "disk/records")
    process = starts.run("ui", "--port", "0", cwd=tmp_path, env={**os.environ})
    assert (process.returncode, process.stdout) == (76, "")
    assert "disk/records', which is not there" in process.stderr
    assert not (tmp_path / "disk").exists()
