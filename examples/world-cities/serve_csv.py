"""Serve the table of this folder over HTTP, so that the download needs no network: prints the URL; ends by a signal."""

import functools
import http.server
from pathlib import Path

if __name__ == "__main__":
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=Path(__file__).parent)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        print(f"http://127.0.0.1:{server.server_port}/cities.csv", flush=True)
        server.serve_forever()
