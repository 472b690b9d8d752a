"""Start the browser at an address that holds a token, which no argument list shows to other users."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory

from ovenbird.common.private_files import make_private_file


def format_redirect(url: str) -> str:
    """Return an HTML page that leads to a URL at once, and by a link."""
    target = escape(url)
    return (
        '<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>Ovenbird</title>\n'
        f'<meta http-equiv="refresh" content="0; url={target}">\n'
        f'<p><a href="{target}">Go on to the page</a></p></html>\n'
    )


@contextmanager
def open_browser(address: str) -> Iterator[None]:
    """Open the browser at an address; its way there is a file for this user only, removed when the block ends."""
    import webbrowser

    with ExitStack() as ends:
        try:
            folder = ends.enter_context(TemporaryDirectory(prefix="ovenbird-ui-", ignore_cleanup_errors=True))
            path = Path(folder, "open.html")
            make_private_file(path)
            path.write_text(format_redirect(address), encoding="utf-8")
        except OSError as error:
            print(f"no browser was opened: {error.strerror or error}", file=sys.stderr)
        else:
            webbrowser.open(path.as_uri())
        yield
