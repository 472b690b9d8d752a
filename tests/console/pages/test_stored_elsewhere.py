"""Pages of what lies in an object store or a database."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from tests import starts
from tests.console.browser import start_site
from tests.core.fixtures import core
from tests.core.server import Double
from tests.postgres import database_url, open_database, postgres_server
from tests.service import wait_until
from tests.stores import moto, s3

from ovenbird.platform.entities.run import start_run
from ovenbird.platform.local.store import LocalStore
from ovenbird.platform.project.project import Project
from ovenbird.platform.storage import files

__all__ = ["core", "database_url", "moto", "postgres_server", "s3"]
pytestmark = pytest.mark.slow


def test_an_object_is_previewed_downloaded_and_missed(s3: dict[str, str], tmp_path: Path) -> None:
    """The page reads S3 with the credentials of its environment; an object that is gone is a message."""
    (tmp_path / "cities.csv").write_text("city,n\nRome,1\nOslo,2\n")
    store = LocalStore(tmp_path / ".ovenbird")
    files.upload([tmp_path / "cities.csv"], "s3://outputs/cities.csv", s3)
    project = Project(store, "p", s3)
    found = project.new_dataitem("cities", kind="dataitem", path="s3://outputs/cities.csv")
    project.new_dataitem("gone", kind="dataitem", path="s3://outputs/gone.csv")
    store.close()
    with start_site(tmp_path, **s3) as site, site.client() as client:
        page = client.get("/dataitems/p/cities").text
        download = client.get(f"/dataitems/p/cities/{found.id}/file")
        part = client.get(f"/dataitems/p/cities/{found.id}/preview").text
        gone = client.get("/dataitems/p/gone")
    assert "Oslo" in page
    assert "Oslo" in part
    assert "<html" not in part
    assert (download.text, download.headers["content-length"]) == ("city,n\nRome,1\nOslo,2\n", "21")
    assert (gone.status_code, "s3://outputs/gone.csv" in gone.text) == (200, True)
    assert s3["AWS_SECRET_ACCESS_KEY"] not in page + gone.text


def test_a_log_in_a_database_is_shown_and_downloaded(database_url: str, tmp_path: Path) -> None:
    """The page asks the store for it: the process that has written it sent it there."""
    store = open_database(database_url, tmp_path / "home")
    record = start_run(store, "p", {})
    store.log_file("p", record.id).write_text("first\nsecond \N{LATIN SMALL LETTER U WITH DIAERESIS}\n", "utf-8")
    record.finish("COMPLETED")
    store.close()
    with start_site(tmp_path, OVENBIRD_STORE=database_url) as site, site.client() as client:
        page = client.get(f"/runs/p/{record.id}").text
        events = client.get(f"/runs/p/{record.id}/events").text
        download = client.get(f"/runs/p/{record.id}/log")
    assert "first\nsecond \N{LATIN SMALL LETTER U WITH DIAERESIS}\n" in page
    assert "event: end" in events
    assert download.text == "first\nsecond \N{LATIN SMALL LETTER U WITH DIAERESIS}\n"


def test_a_function_is_run_and_swept_over_a_database(database_url: str, tmp_path: Path) -> None:
    """Runs, their logs, a sweep and the page of the function are read from the database."""
    _write_greeting(tmp_path)
    with start_site(tmp_path, OVENBIRD_STORE=database_url) as site, site.client() as client:
        run = client.post("/run", data={"run.target": "greet.py", "name": "Ada", "run.secrets": "PATH"}).headers[
            "location"
        ]
        page = _wait_for_state(client, run, "completed")
        sweep = client.post("/run", data={"run.target": "greet.py", "run.grid": "name=a,b"}).headers["location"]
        table = _wait_for_state(client, sweep, "completed")
        listed, function = client.get("/runs").text, client.get("/functions/default/greet").text
    assert "hello Ada" in page
    assert table.count('class="state state-completed"') == 3  # of the sweep and of its runs
    assert f'href="{sweep}"' in listed
    assert function.count('href="/runs/default/') == 3


def test_a_platform_runs_a_function_and_records_one_of_this_machine(core: Double, tmp_path: Path) -> None:
    """Core takes resources, volumes and names of secrets; what it has no field for is refused at its field."""
    _write_greeting(tmp_path)
    form = {"run.target": "greet.py", "name": "Ada"}
    more = {"run.resources.cpu": "500m", "run.volumes": "empty_dir data /data", "run.secrets": "TOKEN"}
    with start_site(tmp_path, **core.environ(PROJECT_NAME="p")) as site, site.client() as client:
        refused = client.post("/run", data={**form, "run.place": "platform", "run.timeout": "5m"})
        here = client.post("/run", data=form).headers["location"]
        there = client.post("/run", data={**form, **more, "run.place": "platform"}).headers["location"]
        page = _wait_for_state(client, here, "completed")
        assert client.post(f"{there}/stop").status_code == 303
        _wait_for_state(client, there, "stopped")
        pages = [client.get(path) for path in ("/functions", "/runs", "/compare", "/models", "/functions/p/greet")]
        again = client.get(f"/run?like=p/{there.rpartition('/')[2]}").text
    assert (refused.status_code, "The platform has no time limit." in refused.text) == (422, True)
    assert "keeps no log of a run on this machine" in page
    assert [answer.status_code for answer in pages] == [200] * 5
    assert all('href="/functions/p/greet' in answer.text for answer in (pages[0], pages[1]))
    assert there in pages[4].text
    assert 'value="TOKEN"' in again
    spec = next(run["spec"] for run in core.entities.all("p", "run") if run["id"] == there.rpartition("/")[2])
    assert (spec["resources"], spec["secrets"]) == ({"cpu": "500m"}, ["TOKEN"])
    assert spec["volumes"] == [{"volume_type": "empty_dir", "name": "data", "mount_path": "/data"}]


def test_a_page_over_core_needs_a_project(tmp_path: Path) -> None:
    process = starts.run("ui", "--port", "0", cwd=tmp_path, env={"DHCORE_ENDPOINT": "http://127.0.0.1:9", "PATH": ""})
    assert (process.returncode, "PROJECT_NAME" in process.stderr) == (70, True)


def _write_greeting(folder: Path) -> None:
    (folder / "greet.py").write_text("def handler(name: str = 'you'):\n    print('hello', name)\n    return name\n")


def _wait_for_state(client: httpx.Client, path: str, state: str) -> str:
    """Return the page of a run or a sweep, as soon as its heading has the state."""

    def read() -> str:
        text = client.get(path).text
        return text if f'state-{state}"' in text.partition("</h1>")[0] else ""

    return wait_until(read, lambda: client.get(path).text, pause=0.2)
