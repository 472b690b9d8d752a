"""URLs of services."""

from __future__ import annotations

import pytest

from ovenbird.client.address import find_proxy, parse_address
from ovenbird.client.errors import ClientError


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("http://localhost:8080", "http://localhost:8080/"),
        ("https://example.org/team/greet", "https://example.org/team/greet"),
        ("https://example.org/team/greet/", "https://example.org/team/greet/"),
        (" http://[::1]:80/ ", "http://[::1]:80/"),
        ("http://user:p%40ss@host/a b".replace(" ", "%20"), "http://host/a%20b"),
        ("http://grün.example/ü", "http://xn--grn-ioa.example/%C3%BC"),
        ("HTTP://Host", "http://host/"),
    ],
)
def test_base_urls(url: str, base: str) -> None:
    """Paths stay, credentials go, what is not ASCII is encoded."""
    assert parse_address(url).base == base


@pytest.mark.parametrize(
    ("path", "url"),
    [
        ("", "http://h/a"), ("/", "http://h/a/"), ("x", "http://h/a/x"), ("/x?y=1", "http://h/a/x?y=1"),
        ("?y=ü", "http://h/a?y=%C3%BC"), ("a b", "http://h/a/a%20b"), ("//evil.example", "http://h/a/evil.example"),
        ("x\r\ny: z", "http://h/a/x%0D%0Ay:%20z"), ("x#y", "http://h/a/x%23y"),
    ],
)  # fmt: skip
def test_paths_stay_below_the_base(path: str, url: str) -> None:
    """Neither another host nor a header gets in by a path."""
    assert parse_address("http://h/a").join(path) == url


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("localhost:8080", r"begins with `http://` or `https://`, found 'localhost:8080' \(`http://localhost:8080`\)"),
        ("", "begins with"), ("ftp://host", "begins with"), ("http://", "has no host name"),
        ("http://host:99999", "its port is out of range .a port is a whole number from 1 to 65535"),
        ("http://host:0/", "its port is out of range"),
        ("http://[::1", "is no URL"), ("http://host/?a=1", "has no query"),
        ("http://ho st/", "has no host name, or holds a character"), ("http://host/a\x00b", "character"),
        ("http://" + "ü" * 80, "cannot be encoded"),
    ],
)  # fmt: skip
def test_text_that_is_no_base_url(url: str, message: str) -> None:
    """The error says what was found."""
    with pytest.raises(ClientError, match=message):
        parse_address(url)


def test_a_proxy_with_a_port_out_of_range_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the variable; both libraries would raise errors of their own."""
    monkeypatch.setenv("http_proxy", "http://proxy:99999")
    with pytest.raises(ClientError, match="http_proxy: the proxy 'http://proxy:99999' cannot be used: its port"):
        find_proxy(parse_address("http://host/"))


def test_a_password_is_not_shown() -> None:
    """In no error; it becomes a header."""
    with pytest.raises(ClientError) as caught:
        parse_address("ftp://user:secret@host/")
    assert "secret" not in str(caught.value)
    assert parse_address("http://user:p%40ss@host/").authorization == "Basic dXNlcjpwQHNz"
    with pytest.raises(ClientError, match="is text, found NoneType"):
        parse_address(None)  # type: ignore[arg-type]
