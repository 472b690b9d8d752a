"""The double itself: a threaded HTTP server that routes calls to entities, auth and faults, and counts them."""

from __future__ import annotations

import base64
import contextlib
import http.server
import json
import re
import socket
import threading
import time
from collections import Counter
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from .auth import CLIENT, Auth
from .entities import TYPES, Entities, Entity
from .faults import Faults
from .lifecycle import REMOTE
from .pages import make_files_page, make_page
from .refusals import SLASH, Refused, unmapped

_ENTITY = re.compile(r"/api/v1/-/([^/]+)/(\w+?)s(?:/([^/]+)(?:/(.+))?)?")
_PACE = 0.02  # seconds between two states of a run that Core executes


class Double:
    """A Core that listens on 127.0.0.1. `calls` holds (method, path with `{id}`, body) of every call that came."""

    def __init__(self) -> None:
        self.entities, self.auth, self.faults = Entities(), Auth(), Faults()
        self.level = "15"
        self.calls: list[tuple[str, str, Any]] = []
        self.checks_auth = False  # a Core that is newer than the recorded one has what the SDK asks before it uses S3
        self.connections = 0
        self.answered = 0.0  # when the last answer went out, by the clock `time.monotonic`
        self.agents: set[str] = set()
        self._port = 0
        self._threads: list[threading.Thread] = []
        self.up()

    def up(self) -> None:
        """Listen, on the same port as before."""
        self._server = _Server(("127.0.0.1", self._port), self)
        self._port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def down(self) -> None:
        """Stop listening and break the connections there are: calls are refused until `up`."""
        self._server.shutdown()
        self._server.server_close()
        self._server.hang_up()
        self._thread.join()

    def close(self) -> None:
        """Stop for good."""
        self.down()
        for thread in self._threads:
            thread.join()

    @property
    def url(self) -> str:
        """The value of DHCORE_ENDPOINT."""
        return f"http://127.0.0.1:{self._port}"

    def environ(self, **more: str) -> dict[str, str]:
        """Return the environment of a process that uses this double."""
        token = {"OAUTH2_TOKEN_ENDPOINT": f"{self.url}/auth/token", "DHCORE_ISSUER": self.url}
        return {"DHCORE_ENDPOINT": self.url, "DHCORE_CLIENT_ID": CLIENT, "DH_CONFIG": "/nonexistent", **token, **more}

    def counts(self) -> Counter[str]:
        """How often each kind of call came: `{"POST dataitems": 1, "PUT dataitems/{id}": 1}`."""
        return Counter(f"{method} {path}" for method, path, _ in self.calls)

    def run(self, project: str, identity: str) -> Entity:
        """Return the run as Core has it now."""
        return self.entities.one(project, "run", identity)

    def set_state(self, project: str, identity: str, state: str, **status: Any) -> None:
        """Set a state as another writer does: Core itself, or the cluster."""
        with self.entities.lock:
            self.run(project, identity)["status"].update(state=state, **status)

    def settle(self, project: str, identity: str) -> None:
        """Wait until a run that Core executes is RUNNING."""
        end = time.monotonic() + 20
        while self.run(project, identity)["status"]["state"] != REMOTE[-1]:
            assert time.monotonic() < end
            time.sleep(0.005)

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> Any:
        """Return the response of a call, or raise Refused."""
        if path == "/api/auth" and self.checks_auth:
            return {"user": self.auth.user}
        if path == "/api/v1/tokens/personal" and method == "POST":
            return self.auth.personal_token(self.url)
        if path == "/api/v1/projects":
            if method == "POST":
                return self.entities.add_project(body)
            return make_page(list(self.entities.projects.values()), query)
        if match := re.fullmatch(r"/api/v1/projects/([^/]+)", path):
            project = self.entities.project(match[1])
            if method == "PUT":
                project.update({part: body[part] for part in ("metadata", "spec") if part in body})
            if method == "DELETE":
                self.entities.projects.pop(match[1])
                return None
            return self.entities.describe_project(match[1])
        if (match := _ENTITY.fullmatch(path)) and match[2] in TYPES:
            return self._entity(method, match[1], match[2], match[3], match[4], query, body)
        raise unmapped(404, path)

    def public(self, path: str, form: Any, header: str) -> Any:
        """Return the response of a public route or of the token endpoint; None for other routes."""
        if path == "/.well-known/openid-configuration":
            return self._openid()
        if path == "/.well-known/configuration":
            oauth = {f"oauth2_{name}": value for name, value in self._openid().items()}
            return {
                "container_registry": "", "dhcore_api_level": self.level, "dhcore_api_version": "v1",
                "dhcore_authentication_methods": ["basic"], "dhcore_default_files_store": "s3://dhcore",
                "dhcore_endpoint": self.url, "dhcore_name": "dhcore", "dhcore_realm": self.url,
                "dhcore_version": "0.15.1", "k8s_namespace": "default",
                **oauth,
            }  # fmt: skip
        if path == "/auth/token":
            return self.auth.token(form or {}, header, self.url)
        return None

    def _openid(self) -> dict[str, Any]:
        exchange = "urn:ietf:params:oauth:grant-type:token-exchange"
        return {
            "response_types_supported": ["code"], "jwks_uri": f"{self.url}/auth/jwks",
            "grant_types_supported": ["refresh_token", "client_credentials", exchange],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
            "scopes_supported": ["profile", "credentials", "openid", "offline_access"],
            "issuer": self.url, "token_endpoint": f"{self.url}/auth/token",
        }  # fmt: skip

    def _entity(
        self, method: str, project: str, entity_type: str, identity: str | None, rest: str | None,
        query: dict[str, str], body: Any,
    ) -> Any:  # fmt: skip
        entities = self.entities
        if identity is None:
            if method == "POST":
                return self._created(project, entity_type, body)
            if method == "DELETE":
                for entity in [
                    entity for entity in entities.all(project, entity_type) if entity["name"] == query["name"]
                ]:
                    entities.delete(project, entity_type, entity["id"])
                return None
            return entities.listing(project, entity_type, query)
        if (entity_type, identity) == ("secret", "data"):
            return entities.secret_values(project, query.get("keys", "").split(","), body if method == "PUT" else {})
        entity = entities.one(project, entity_type, identity)
        if rest is not None:
            return self._part(method, entity_type, entity, rest, query, body)
        if method == "PUT":
            return entities.update(project, entity_type, identity, body)
        if method == "DELETE":
            return entities.delete(project, entity_type, identity)
        return entity

    def _created(self, project: str, entity_type: str, body: Any) -> Entity:
        entity = self.entities.add(project, entity_type, body)
        if entity_type == "run" and not entity["spec"].get("local_execution"):
            thread = threading.Thread(target=self._execute, args=(entity,))
            thread.start()
            self._threads.append(thread)
        return entity

    def _execute(self, run: Entity) -> None:
        """Build the run as Core does: specs of function and task under the run's own; then one state after another."""
        with self.entities.lock, contextlib.suppress(Refused):
            function = run["spec"]["function"].rpartition("/")[2].partition(":")[2]
            task = run["spec"]["task"].rpartition("/")[2]
            specs = [self.entities.one(run["project"], "function", function)["spec"]]
            specs.append(self.entities.one(run["project"], "task", task)["spec"])
            run["spec"] = {**specs[0], **specs[1], **run["spec"]}
        for state in REMOTE:
            time.sleep(_PACE)
            with self.entities.lock:
                if run["status"]["state"] in ("STOP", "STOPPED", "ERROR", "COMPLETED", "DELETING"):
                    return
                self.entities.move("run", run, state)
        run["status"]["k8s"] = {"pod": f"r-{run['id'][:8]}"}

    def _part(
        self, method: str, entity_type: str, entity: Entity, rest: str, query: dict[str, str], body: Any
    ) -> Any:  # fmt: skip
        entities, identity = self.entities, entity["id"]
        path = f"/api/v1/-/{entity['project']}/{entity_type}s/{identity}/{rest}"
        if rest == "files/info":
            if method == "PUT":
                entities.check_value(body, path)
                entities.files[identity] = body
                return None
            return make_files_page(entities.files.get(identity, []), query)
        if rest == "relationships" and method == "GET":
            return entities.relations(entity["project"], entity)
        if (rest == "metrics" or rest.startswith("metrics/")) and entity_type in ("run", "model"):
            return self._metric(method, identity, rest[len("metrics/") :], body, path)
        if entity_type == "run" and rest == "logs":
            return [
                {"id": f"{identity}-{number}", "project": entity["project"], "kind": "log", "metadata": {}, "spec": {},
                 "status": {"container": "main"}, "content": base64.b64encode(text.encode()).decode()}
                for number, text in enumerate(entities.logs.get(identity, []))
            ]  # fmt: skip
        if entity_type == "run" and rest == "stop" and method == "POST":
            self._stop(entity)
            return entity
        if entity_type == "run" and rest == "resume" and method == "POST":
            return entity
        raise unmapped(404, path)

    def _metric(self, method: str, identity: str, name: str, body: Any, path: str) -> Any:
        metrics = self.entities.metrics.setdefault(identity, {})
        if method == "PUT":
            if not name:
                raise unmapped(405, path)
            if body is None:
                raise unmapped(400, path)
            self.entities.check_value(body, path)
            metrics[name] = [_parse_number(item) for item in body] if isinstance(body, list) else _parse_number(body)
            return None
        return metrics.get(name) if name else metrics

    def _stop(self, run: Entity) -> None:
        """Handle POST …/stop: one step for a local run, all steps for a run whose pod Core ends."""
        state = run["status"]["state"]
        if state == "RUNNING" and run["spec"].get("local_execution"):
            self.entities.move("run", run, "STOP")
        elif state in ("READY", "PENDING", "RUNNING", "STOP"):
            self.entities.move("run", run, "STOPPED")


def _parse_number(value: Any) -> float:
    """Return the number that Core reads from a value: a text is 0."""
    return float(value) if isinstance(value, (int, float)) else 0.0


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], double: Double) -> None:
        self.double = double
        self._open: set[socket.socket] = set()
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.double.connections += 1
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # a client may break off


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else an answer's body waits for 40 ms until its head has been acknowledged
    server: _Server

    def log_message(self, *args: object) -> None:
        pass

    def handle_any(self) -> None:
        double, url = self.server.double, urlsplit(self.path)
        path, query = unquote(url.path), dict(parse_qsl(url.query))
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        double.agents.add(self.headers.get("User-Agent", ""))
        fault = double.faults.next(self.command, path)
        body = _parse(raw, self.headers.get("Content-Type", ""))
        short = re.sub(r"^/api/v1/(-/[^/]+/)?", "", path)
        double.calls.append((self.command, re.sub(r"^(\w+s)/[^/]+", r"\1/{id}", short), body))
        if fault and fault.kind == "slow":
            time.sleep(fault.seconds)
        if fault and fault.kind == "do":
            fault.work()
        if fault and fault.kind == "break":
            return self._break()
        if fault and fault.kind == "status":
            return self._send(fault.status, b'{"status":%d,"message":"out of order"}' % fault.status, fault.headers)
        if fault and fault.kind == "garbage":
            return self._send(200, b"<html>a proxy says hello</html>", {"Content-Type": "text/html"})
        status, text, headers = self._do(url.path, path, query, body)
        if fault and fault.kind == "then":
            fault.work()
        if fault and fault.kind == "lose":
            return self._break()
        return self._send(status, text, headers)

    def _do(self, raw: str, path: str, query: dict[str, str], body: Any) -> tuple[int, bytes, dict[str, str]]:
        double, header = self.server.double, self.headers.get("Authorization", "")
        if "%2f" in raw.lower():
            return 400, SLASH.encode(), {"Content-Type": "text/html;charset=utf-8"}
        try:
            with double.entities.lock:
                if (answer := double.public(path, body, header)) is None:
                    double.auth.check(header, path)
                    answer = double.answer(self.command, path, query, body)
                return 200, b"" if answer is None else json.dumps(answer).encode(), {}
        except Refused as refused:
            return refused.status, refused.text.encode(), refused.headers

    def _send(self, status: int, text: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {
            "Content-Type": "application/json",
            "X-Api-Level": self.server.double.level,
            **headers,
        }.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
        self.server.double.answered = time.monotonic()

    def _break(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    do_GET = do_POST = do_PUT = do_DELETE = handle_any


def _parse(raw: bytes, media_type: str) -> Any:
    if media_type.startswith("application/x-www-form-urlencoded"):
        return dict(parse_qsl(raw.decode()))
    return json.loads(raw) if raw else None
