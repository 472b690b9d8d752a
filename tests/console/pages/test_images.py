"""Images on the page: a build from the button to the card, its reasons, its faults, what is gone."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, expect
from tests.console.accessibility import find_faults
from tests.console.browser import Site, open_page, start_site
from tests.engine import Images
from tests.service import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
VERSION, IMAGE = "3.11", "localhost/page-greet:latest"
DOCUMENT = "kind: python\nname: page-%s\nspec:\n  source: {source: main.py, handler: greet}\n  base_image: %s\n"
_PATIENCE = 60_000  # milliseconds for what asks the engine
CODE = 'def greet(name: str = "you"):\n    return name\n'


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, base_images: Images) -> Iterator[Site]:
    """A page in a folder with a function that can be built, and one whose base does not exist."""
    folder = tmp_path_factory.mktemp("images")
    for name, base in (("greet", base_images[VERSION]), ("broken", "localhost/no-such-base:1")):
        (folder / name).mkdir()
        (folder / name / "main.py").write_text(CODE)
        (folder / name / "function.yaml").write_text(DOCUMENT % (name, base))
    with start_site(folder, OVENBIRD_CACHE_DIR=str(folder.parent / "images-cache")) as site:
        _remove_image()  # of an earlier session
        yield site
    _remove_image()


def test_an_image_is_built_shown_and_gone(browser: Browser, site: Site) -> None:
    """The page of a build has the image; that of the function says why it was made again, and when it was removed."""
    page = open_page(browser, site, "/function?target=greet/function.yaml")
    expect(page.locator("main")).to_contain_text("No image of it is on this machine.", timeout=_PATIENCE)
    page.get_by_role("button", name="Build image").click()
    expect(page.locator("#task-body .state-completed")).to_be_visible(timeout=180_000)
    expect(page.locator("#task-body")).to_contain_text("there is no earlier build of this tag here")
    assert find_faults(page) == []
    (site.folder / "greet" / "main.py").write_text(CODE + "# edited\n")
    with site.client() as client:
        first, second = (_start_build(client, "greet") for _ in range(2))
        assert first == second  # two tabs
        _wait_for_state(client, first, "state-completed")
    page.goto(f"{site.origin}/function?target=greet/function.yaml")
    card = page.locator("section.card", has=page.get_by_role("heading", name="Image"))
    expect(card.locator(".reasons")).to_contain_text("changed: 'main.py'", timeout=_PATIENCE)
    expect(card.locator("tbody tr", has_text="source")).to_contain_text("made")
    assert find_faults(page) == []
    card.get_by_role("link", name=IMAGE).click()
    expect(page.locator(".packages")).to_contain_text("starlette", timeout=_PATIENCE)
    expect(page.locator("main")).to_contain_text("cpython-311")
    page.set_viewport_size({"width": 380, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 380
    assert find_faults(page) == []
    _remove_image()
    page.reload()
    expect(page.get_by_role("alert")).to_have_text(f"the local store has no image '{IMAGE}'", timeout=_PATIENCE)
    page.goto(f"{site.origin}/function?target=greet/function.yaml")
    expect(card).to_contain_text("is no longer on this machine", timeout=_PATIENCE)
    assert page.problems == []  # type: ignore[attr-defined]
    page.context.close()


def test_builds_that_fail_or_are_stopped(site: Site) -> None:
    """The error has its hint; what is stopped is no error, and the next press begins anew."""
    with site.client() as client:
        failed = _start_build(client, "broken")
        _wait_for_state(client, failed, "state-error")
        assert "localhost/no-such-base:1" in client.get(f"{failed}/body").text
        stopped = _start_build(client, "greet")
        assert client.post(f"{stopped}/stop").status_code == 303
        _wait_for_state(client, stopped, "state-stopped")
        assert "no image was named" in client.get(f"{stopped}/body").text
        assert _start_build(client, "greet") != stopped


def test_a_name_with_a_password_is_refused_and_not_repeated(site: Site) -> None:
    """Neither a build nor an inspection takes it; another site cannot lead to a registry either."""
    name = "ada:hunter2@registry.example.com/app:1"
    with site.client() as client:
        built = client.post("/images/build", data={"target": "greet/function.yaml", "name": name})
        for answer in (built, client.get("/image", params={"name": name})):
            assert (answer.status_code, "buildah login" in answer.text, "hunter2" in answer.text) == (400, True, False)
    with site.client(**{"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}) as client:
        assert client.get("/image", params={"name": "registry.example.com/app:1"}).status_code == 403


def test_a_machine_without_the_programs_says_so(tmp_path: Path) -> None:
    """The page of a function names them, and a build is refused before a process is started."""
    (tmp_path / "main.py").write_text(CODE)
    (tmp_path / "bin").mkdir()
    with start_site(tmp_path, PATH=str(tmp_path / "bin")) as site, site.client() as client:
        card = client.get("/function/image", params={"function": "greet", "target": "main.py:greet"}).text
        assert "buildah and skopeo are not installed" in card
        refused = client.post("/images/build", data={"target": "main.py:greet"})
        assert (refused.status_code, "apt-get install buildah skopeo" in refused.text) == (400, True)
        assert "podman, which lists images, is not installed" in client.get("/images").text


def _remove_image() -> None:
    subprocess.run(["podman", "rmi", "--force", "--ignore", IMAGE], check=True, capture_output=True)


def _start_build(client: httpx.Client, name: str) -> str:
    """Press the button, and return the path of the build's page."""
    answer = client.post("/images/build", data={"target": f"{name}/function.yaml"})
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def _wait_for_state(client: httpx.Client, task: str, state: str) -> None:
    wait_until(lambda: state in client.get(f"{task}/body").text, lambda: client.get(task).text, pause=0.2)
