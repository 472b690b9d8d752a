"""A function's own packages win over those of the runtime, at other versions, within the declared ranges."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

import pytest
from tests.container.conftest import ONE, STRICT, Mounted
from tests.engine import Images
from tests.podman import Podman

from ovenbird_builder.containers.working_container import open_container
from ovenbird_builder.host.network import read_network_settings

OWN = {
    "fastapi": "0.136.3",
    "msgspec": "0.19.0",
    "pydantic": "2.9.2",
    "starlette": "1.3.1",
    "uvicorn": "0.32.1",
}


@pytest.fixture(scope="module")
def image(container_env: dict[str, str], base_images: Images) -> Iterator[str]:
    """A base image with the function's packages installed on top by pip, as a Dockerfile of the user's would."""
    name = f"localhost/ovenbird-own:{ONE}"
    net = read_network_settings("", os.environ)
    with open_container(base_images[ONE]) as container:
        pins = [f"{package}=={version}" for package, version in OWN.items()]
        container.run(
            ("pip", "install", "--quiet", "--no-cache-dir", "--root-user-action=ignore", *pins),
            env=net.make_container_env(), mounts=net.list_mounts(),
        )  # fmt: skip
        subprocess.run(("buildah", "commit", "--quiet", container.name, name), check=True, capture_output=True)
    yield name
    subprocess.run(("buildah", "rmi", "--force", name), check=False, capture_output=True)


def test_a_handler_with_packages_of_its_own(image: str, podman: Podman, mount_sources: Mounted) -> None:
    """The service runs on the user's versions, the server's included, and a model of the user's pydantic binds."""
    source = f"""
        import sys
        from importlib.metadata import version

        import pydantic

        class Order(pydantic.BaseModel):
            name: str
            count: int = 1

        def handler(order: Order):
            used = {{name: version(name) for name in {list(OWN)}}}
            loaded = {{name: sys.modules[name].__file__ for name in {list(OWN)} if name in sys.modules}}
            return {{"order": order, "used": used, "loaded": loaded}}
    """
    flags = (*STRICT, *mount_sources({"main.py": source}))
    service = podman.start(image, "serve", "main.py", flags=flags).wait_ready()
    answer = service.call({"name": "bread", "count": "3"}).json()
    assert answer["order"] == {"name": "bread", "count": 3}
    assert answer["used"] == OWN
    assert {"starlette", "uvicorn", "msgspec", "pydantic"} <= answer["loaded"].keys()
    assert [path for path in answer["loaded"].values() if path.startswith("/opt/ovenbird")] == []
    assert service.call({"count": 1}).status_code == 422
    assert service.stop() == 0


def test_an_application_of_the_users_fastapi(image: str, podman: Podman, mount_sources: Mounted) -> None:
    """An application on the user's own FastAPI and Starlette is served as it is."""
    source = """
        from contextlib import asynccontextmanager

        import fastapi
        import starlette

        @asynccontextmanager
        async def life(app):
            app.state.begun = True
            yield

        app = fastapi.FastAPI(lifespan=life)

        @app.get("/about/{name}")
        def about(name: str, request: fastapi.Request):
            return [name, request.app.state.begun, starlette.__version__]
    """
    service = podman.start(image, "serve", "main.py:app", flags=mount_sources({"main.py": source})).wait_ready()
    assert service.get("/about/ada").json() == ["ada", True, OWN["starlette"]]
    assert service.get("/nowhere").status_code == 404
    assert service.stop() == 0


def test_the_packages_do_not_conflict(image: str, podman: Podman) -> None:
    """`pip check` holds with both, and the runtime is still there."""
    process = podman.run(image, "check", flags=("--entrypoint=pip", "--network=none"))
    assert (process.returncode, process.stdout.strip()) == (0, "No broken requirements found."), process.stderr
