"""The work as a KServe model on the v1 protocol."""

from __future__ import annotations

from typing import Any

import kserve.model_server
from kserve import Model, ModelServer


class Hello(Model):
    def __init__(self) -> None:
        super().__init__("hello")
        self.ready = True

    async def predict(self, payload: dict[str, Any], headers: dict[str, str] | None = None) -> dict[str, Any]:
        return {"greeting": "hello " + payload["name"], "next": payload["n"] + 1}


class LoopbackServer(kserve.model_server.RESTServer):
    """KServe's own server; it has no option for the address, nor one to silence the access log."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.config.host = "127.0.0.1"
        self.config.access_log = False


if __name__ == "__main__":
    kserve.model_server.RESTServer = LoopbackServer
    ModelServer().start([Hello()])
