"""Pages of what lies in an object store or a database."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.console.browser import start_site
from tests.postgres import database_url, open_database, postgres_server
from tests.stores import moto, s3

from ovenbird.platform.entities.run import start_run
from ovenbird.platform.local.store import LocalStore
from ovenbird.platform.project.project import Project
from ovenbird.platform.storage import files

__all__ = ["database_url", "moto", "postgres_server", "s3"]
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
