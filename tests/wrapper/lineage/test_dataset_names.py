"""Names of data sets, by the rules of OpenLineage."""

from __future__ import annotations

import pytest

from ovenbird.lineage.dataset_names import name_location, name_record

DATABASE = {"DB_HOST": "db.example.org", "DB_USERNAME": "me", "DB_PASSWORD": "secret"}


@pytest.mark.parametrize(("location", "environ", "namespace", "name"), [
    ("/data/cities.csv", {}, "file", "/data/cities.csv"),
    ("/data/parts/", {}, "file", "/data/parts"),
    ("file:///data/my%20cities.csv", {}, "file", "/data/my cities.csv"),
    ("file://cities.csv", {}, "file", "file://cities.csv"),
    ("s3://bucket/a/b.csv", {}, "s3://bucket", "a/b.csv"),
    ("s3a://bucket/a/", {}, "s3://bucket", "a"),
    ("zip+s3://bucket/a.zip", {}, "s3://bucket", "a.zip"),
    ("s3://bucket", {}, "s3://bucket", "/"),
    ("gs://bucket/a.csv", {}, "gs://bucket", "a.csv"),
    ("az://files/a.csv", {"AZURE_STORAGE_ACCOUNT_NAME": "acme"}, "abfss://files@acme.dfs.core.windows.net", "a.csv"),
    ("az://files/a.csv", {}, "az://files", "a.csv"),
    ("https://me:pw@example.org:8443/a.csv?v=1&token=x", {}, "https://example.org:8443", "a.csv?v=1&token=***"),
    ("sql://sales/cities", DATABASE, "postgres://db.example.org:5432", "sales.public.cities"),
    ("sql://sales/geo/cities", {**DATABASE, "DB_PORT": "6543"}, "postgres://db.example.org:6543", "sales.geo.cities"),
    ("sql://sales/cities", {**DATABASE, "DB_PLATFORM": "mysql+pymysql"}, "mysql://db.example.org:3306", "sales.cities"),
    ("sql://sales/cities", {"DB_PLATFORM": "sqlite", "DB_DATABASE": "/data/s.db"}, "file", "/data/s.db.cities"),
    ("kafka://broker:9092/topic", {}, "kafka://broker:9092", "topic"),
])  # fmt: skip
def test_a_location(location: str, environ: dict[str, str], namespace: str, name: str) -> None:
    """A path or a URL gives the namespace of its storage and the name in it, without anything secret."""
    assert name_location(location, environ) == (namespace, name)


def test_versions_of_one_name() -> None:
    """All versions that Ovenbird has stored are one data set; a file that lies elsewhere is named by its path."""
    record = {
        "project": "p", "type": "dataitem", "name": "cities", "id": "1a2b", "kind": "table",
        "spec": {"path": "s3://bucket/files/p/dataitem/cities/1a2b/cities.parquet"}, "status": {},
    }  # fmt: skip
    assert name_record(record, {}) == ("s3://bucket", "files/p/dataitem/cities")
    elsewhere = {**record, "spec": {"path": "s3://bucket/raw/cities.parquet"}}
    assert name_record(elsewhere, {}) == ("s3://bucket", "raw/cities.parquet")
    assert name_record({**record, "spec": {}}, {}) is None
