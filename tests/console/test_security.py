"""Who may use the page: the token, hosts, origins, headers."""

from __future__ import annotations

import socket

import httpx
import pytest
from playwright.sync_api import Browser
from tests.console.browser import Site, open_page

pytestmark = pytest.mark.slow
ATTACKS = {
    "a name that an attacker points here": {"host": "evil.example.com"},
    "the same with the port": {"host": "evil.example.com:8081"},
    "no host": {"host": ""},
}


def test_without_the_token_there_is_no_page(site: Site) -> None:
    """No page, no file and no error of the page answers without the token; a wrong one is none."""
    for path in ("/", "/runs", "/static/console.js", "/nothing", "/?token=wrong", "/runs?token="):
        answer = httpx.get(site.origin + path, verify=False)
        assert (answer.status_code, "holds the token" in answer.text) == (403, True), path
    with site.client(cookie="ovenbird_ui_1=x; odd cookie; ovenbird_ui_=") as wrong:
        assert wrong.get("/runs").status_code == 403


def test_the_token_moves_into_a_strict_cookie(site: Site) -> None:
    """The first address is left at once, so that the token stays in no history; scripts cannot read the cookie."""
    address = f"{site.origin}//evil.example.com/runs?token={site.token}&state=ERROR"
    answer = httpx.get(address, headers={"sec-fetch-site": "none"}, verify=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/evil.example.com/runs?state=ERROR")
    led = httpx.get(address, headers={"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}, verify=False)
    assert (led.status_code, 'content="0; url=/evil.example.com/runs?state=ERROR"' in led.text) == (200, True)
    for reply in (answer, led):  # a browser sends no strict cookie along a redirect that another site has led to
        cookie = reply.headers["set-cookie"].lower()
        assert all(word in cookie for word in ("httponly", "samesite=strict", "path=/"))
        assert site.token not in reply.text


@pytest.mark.parametrize("other", ['x={"a":1}', "x=a,b", '"', "a b=c", "="], ids=str)
def test_cookies_of_other_applications_lock_nobody_out(site: Site, other: str) -> None:
    """All ports of a host share their cookies, and a browser sends those that no rule allows too."""
    with site.client() as client:
        own = client.headers["cookie"]
        for cookie in (f"{other}; {own}", f"{own}; {other}"):
            assert client.get("/runs", headers={"cookie": cookie}).status_code == 200


@pytest.mark.parametrize(
    ("headers", "path", "status"),
    [
        ({"sec-fetch-site": "same-site", "sec-fetch-mode": "no-cors"}, "/function/contract?target=spy.py", 403),
        ({"sec-fetch-site": "same-site", "sec-fetch-mode": "navigate"}, "/function/contract?target=spy.py", 403),
        ({"sec-fetch-site": "same-site", "sec-fetch-mode": "navigate"}, "/run?target=spy.py", 403),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}, "/function?target=spy.py", 403),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "cors"}, "/runs", 403),
        ({"sec-fetch-site": "cross-site"}, "/static/console.js", 403),
        ({"sec-fetch-site": "same-site", "sec-fetch-mode": "navigate"}, "/runs", 200),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}, "/functions", 200),
        ({"sec-fetch-site": "none", "sec-fetch-mode": "navigate"}, "/runs", 200),
    ],
    ids=["image", "contract", "form", "function", "fetch", "old browser", "link", "link of a site", "typed"],
)
def test_other_sites_load_no_part_of_the_page(site: Site, headers: dict[str, str], path: str, status: int) -> None:
    """A page on another port, which gets the cookie too, may link to this one, and has no code imported."""
    (site.folder / "spy.py").write_text("open('imported', 'w').close()\ndef handler(): ...\n")
    with site.client(**headers) as client:
        assert client.get(path).status_code == status
    assert not (site.folder / "imported").exists()


@pytest.mark.parametrize("headers", ATTACKS.values(), ids=ATTACKS.keys())
def test_a_rebound_name_gets_no_page(site: Site, headers: dict[str, str]) -> None:
    """DNS rebinding sends the cookie of nobody, and would read pages with a stolen token: the name is refused."""
    with site.client(**headers) as client:
        answer = client.get(f"/runs?token={site.token}")
    assert answer.status_code in (400, 421)
    assert "Runs" not in answer.text


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example.com", "sec-fetch-site": "cross-site"},
        {"origin": "http://127.0.0.1:1", "sec-fetch-site": "same-site"},  # a service on another port
        {"origin": "null"},
        {"origin": ""},
    ],
    ids=["another site", "another port", "a sandboxed frame", "no origin"],
)
def test_a_post_of_another_page_is_refused(site: Site, headers: dict[str, str]) -> None:
    """Only the page itself changes anything, whoever has the cookie."""
    with site.client(**headers) as client:
        assert client.post("/runs").status_code == 403
    with site.client() as client:
        assert client.post("/runs").status_code == 405  # by the page's own rules


def test_each_answer_has_the_headers(site: Site) -> None:
    """Pages, files, redirects and errors: no script of others, no frame around, no guess at types."""
    with site.client() as client:
        answers = [client.get(path) for path in ("/", "/runs", "/nothing", "/static/console.css")]
    answers.append(httpx.get(site.origin, verify=False))
    for answer in answers:
        headers = answer.headers
        assert headers["content-security-policy"].startswith("default-src 'self'; img-src 'self' data:;")
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert "server" not in headers


def test_the_page_has_no_inline_script_or_style(browser: Browser, site: Site) -> None:
    """A browser that obeys the policy finds nothing to refuse, and the token is gone from the address."""
    page = open_page(browser, site)
    page.wait_for_url(site.origin + "/functions")
    assert page.locator("h1").inner_text() == "Functions"
    assert page.problems == []  # type: ignore[attr-defined]
    assert page.evaluate("document.querySelectorAll('[style], style, script:not([src])').length") == 0
    page.context.close()


def test_a_taken_port_is_an_error(site: Site) -> None:
    """The error names the address and says how a free port is had."""
    from tests import starts

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        process = starts.run("ui", "--port", port)
    assert process.returncode == 70
    assert f"cannot listen on '127.0.0.1', port {port}: Address already in use" in process.stderr
    assert "--port 0" in process.stderr
