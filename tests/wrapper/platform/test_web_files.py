"""Files over HTTP: what they are called, how they are encoded, and which addresses lead to them."""

from __future__ import annotations

import gzip
import zlib
from http.server import BaseHTTPRequestHandler as Request
from pathlib import Path
from typing import Any

import pandas
import pytest
from tests.jobs import Jobs
from tests.stores import Server, send_reply

from ovenbird.errors import InputError
from ovenbird.platform.entities.file_entity import Dataitem
from ovenbird.platform.project.project import Project
from ovenbird.platform.storage import http_download

CSV = b"city,people\nTrento,118000\n"
PARQUET = "application/vnd.apache.parquet"


def _item(project: Project, url: str) -> Dataitem:
    return project.new_dataitem("asked", path=url)


def _read(item: Dataitem) -> list[list[Any]]:
    rows: list[list[Any]] = item.as_df(engine="pandas").to_numpy().tolist()
    return rows


@pytest.mark.parametrize(
    ("path", "headers", "name"),
    [
        ("/data/cities", {"Content_Type": "text/csv; charset=utf-8"}, "cities.csv"),
        ("/data/", {"Content_Type": "text/csv"}, "asked"),
        ("/", {"Content_Disposition": 'attachment; filename="cities.csv"'}, "cities.csv"),
        ("/export.php?id=3", {"Content_Type": "text/csv"}, "export.php"),
        ("/export.php", {"Content_Disposition": "attachment; filename=cities.csv"}, "cities.csv"),
        ("/x", {"Content_Disposition": "attachment; filename*=UTF-8''citt%C3%A0.csv; filename=a.csv"}, "città.csv"),
        ("/x", {"Content_Disposition": 'attachment; filename="../../etc/citt\xc3\xa0.csv"'}, "città.csv"),
        ("/x", {"Content_Disposition": 'attachment; filename="C:\\\\dir\\\\a.csv"'}, "a.csv"),
        ("/x.csv", {"Content_Disposition": 'attachment; filename=".."'}, "x.csv"),
        ("/x.csv", {"Content_Disposition": 'attachment; filename="a\tb"'}, "x.csv"),
        ("/x.csv", {"Content_Disposition": f'attachment; filename="{"y" * 300}.csv"'}, "x.csv"),
        ("/a%20b%2Fc.csv", {}, "asked"),
        ("/citt%C3%A0%20alta.csv", {"Content_Type": "application/octet-stream"}, "città alta.csv"),
    ],
    ids=[
        "media type",
        "slash",
        "slash and disposition",
        "php",
        "disposition wins",
        "extended",
        "UTF-8 as it is",
        "Windows path",
        "dots",
        "control",
        "long",
        "escaped slash",
        "letters",
    ],
)
def test_the_name_of_a_download(
    project: Project, server: Any, tmp_path: Path, path: str, headers: dict[str, str], name: str
) -> None:
    """The server names the file, otherwise the address does; a name never leads out of the folder."""
    server.answer = lambda request: send_reply(request, CSV, **headers)
    item = _item(project, server.url + path)
    (file,) = map(Path, item.as_file())
    assert (file.name, file.read_bytes()) == (name, CSV)
    assert item.as_path().read_bytes() == CSV
    assert Path(item.download(tmp_path / "out/")) == tmp_path / "out" / name
    assert [path.name for path in (tmp_path / "out").iterdir()] == [name]
    with pytest.raises(InputError, match="exists"):
        item.download(tmp_path / "out/")
    assert item.download(tmp_path / "own.csv") == str(tmp_path / "own.csv")


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/cities", {"Content_Type": "text/csv"}), ("/", {"Content_Type": "text/csv;charset=utf-8"}),
        ("/export.php", {"Content_Type": "Text/CSV"}), ("/v1.0", {"Content_Type": "application/csv"}),
        ("/", {"Content_Disposition": "attachment; filename=cities.csv"}), ("/cities.csv?v=1", {}),
        ("/cities.csv", {"Content_Type": "application/json"}),
    ],
    ids=["no extension", "slash", "php", "dot", "disposition", "query", "extension wins"],
)  # fmt: skip
def test_a_table_is_recognised_by_name_or_media_type(
    project: Project, server: Any, path: str, headers: dict[str, str]
) -> None:
    server.answer = lambda request: send_reply(request, CSV, **headers)
    assert _read(_item(project, server.url + path)) == [["Trento", 118000]]


def test_parquet_is_recognised_by_media_type_and_content(project: Project, server: Any, tmp_path: Path) -> None:
    pandas.DataFrame({"a": [1]}).to_parquet(tmp_path / "t")
    for media in (PARQUET, "application/octet-stream"):
        server.answer = lambda request, media=media: send_reply(
            request, (tmp_path / "t").read_bytes(), Content_Type=media
        )
        assert _read(_item(project, f"{server.url}/download")) == [[1]]


def test_where_nothing_tells_the_format_the_error_says_how_to(project: Project, server: Any) -> None:
    server.answer = lambda request: send_reply(request, CSV, Content_Type="application/octet-stream")
    with pytest.raises(InputError, match="not one of a table"):
        _item(project, f"{server.url}/export").as_df()
    frame = _item(project, f"{server.url}/export").as_df(file_format="csv")
    assert list(frame["city"]) == ["Trento"]


def test_a_redirect_names_the_file(project: Project, server: Any) -> None:
    """A link of a data portal leads to the file in its store."""

    def answer(request: Request) -> None:
        if request.path == "/download/17":
            send_reply(request, b"", 302, Location="/store/cities.csv?sig=abc")
        else:
            send_reply(request, CSV)

    server.answer = answer
    item = _item(project, f"{server.url}/download/17")
    assert (_read(item), Path(item.as_file()[0]).name) == ([["Trento", 118000]], "cities.csv")


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", gzip.compress(CSV)), ("x-gzip", gzip.compress(CSV[:5]) + gzip.compress(CSV[5:])),
        ("GZIP", gzip.compress(CSV)), ("deflate", zlib.compress(CSV)), ("deflate", zlib.compress(CSV)[2:-4]),
        ("gzip, deflate", zlib.compress(gzip.compress(CSV))), ("identity", CSV), ("", CSV),
    ],
    ids=["gzip", "two members", "upper case", "deflate", "raw deflate", "two codings", "identity", "empty"],
)  # fmt: skip
def test_a_content_encoding_is_undone(project: Project, server: Any, coding: str, body: bytes) -> None:
    """Servers send it unasked; what is stored is the file itself."""
    server.answer = lambda request: send_reply(request, body, Content_Encoding=coding)
    (file,) = map(Path, _item(project, f"{server.url}/cities.csv").as_file())
    assert file.read_bytes() == CSV
    assert server.requests[0][2]["accept-encoding"] == "identity"


def test_a_file_called_gz_is_left_as_it_is(project: Project, server: Any, tmp_path: Path) -> None:
    """Servers add the header by the name; the table in it is read all the same."""
    server.answer = lambda request: send_reply(request, gzip.compress(CSV), Content_Encoding="gzip")
    item = _item(project, f"{server.url}/cities.csv.gz")
    assert gzip.decompress(Path(item.download(tmp_path / "out/")).read_bytes()) == CSV
    assert _read(item) == [["Trento", 118000]]


@pytest.mark.parametrize(
    ("coding", "body", "message"),
    [
        ("br", b"x", "Content-Encoding 'br'"), ("gzip", gzip.compress(CSV)[:-12], "ends too early"),
        ("gzip", b"plain text", "is damaged"), ("gzip", gzip.compress(bytes(5_000_000)), "is larger than"),
    ],
    ids=["unknown", "cut off", "not gzip", "bomb"],
)  # fmt: skip
def test_an_encoding_that_cannot_be_decoded_is_reported(
    project: Project, server: Any, tmp_path: Path, coding: str, body: bytes, message: str
) -> None:
    """A body that cannot be decoded within the limit of inputs is an error, and leaves no file."""
    server.answer = lambda request: send_reply(request, body, Content_Encoding=coding)
    limited = Project(project._store, "p", {"OVENBIRD_MAX_INPUT": "1MiB"})
    with pytest.raises(InputError, match=f"http://.*: .*{message}"):
        limited.new_dataitem("a", path=f"{server.url}/a.csv").download(tmp_path / "out/")
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("typed", "path"),
    [
        ("/my file.csv", "/my%20file.csv"), ("/città/a.csv", "/citt%C3%A0/a.csv"), ("/a%20b.csv", "/a%20b.csv"),
        ("/50%.csv", "/50%25.csv"), ("/a.csv?q=è vero&x=1%2B", "/a.csv?q=%C3%A8%20vero&x=1%2B"),
        ("/a.csv#part", "/a.csv"), ("/a+b.csv", "/a+b.csv"), ('/a"<>.csv', "/a%22%3C%3E.csv"),
    ],
    ids=["blank", "letters", "escaped", "percent", "query", "fragment", "plus", "quotes"],
)  # fmt: skip
def test_an_address_is_sent_as_http_takes_it(project: Project, server: Any, typed: str, path: str) -> None:
    """Blanks and other alphabets are escaped, what is escaped stays."""
    server.answer = lambda request: send_reply(request, CSV)
    assert _read(_item(project, server.url + typed)) == [["Trento", 118000]]
    assert server.requests[0][1] == path


def test_a_host_of_another_alphabet_gets_its_ascii_name() -> None:
    assert http_download.escape_address("https://città.example:8443/è") == "https://xn--citt-3na.example:8443/%C3%A8"
    with pytest.raises(InputError, match="is not a valid host name"):
        http_download.escape_address("https://à..example/")


@pytest.mark.parametrize("scheme", ["zip+http", "ZIP+HTTP", "Http"])
def test_zip_before_a_scheme_is_no_other_address(project: Project, server: Server, scheme: str) -> None:
    server.answer = lambda request: send_reply(request, CSV)
    assert _read(_item(project, f"{scheme}{server.url[4:]}/a.csv")) == [["Trento", 118000]]


@pytest.mark.slow
def test_a_job_reads_what_a_service_answers(jobs: Jobs, server: Any) -> None:
    """A path with a slash at its end is an address like any other; the record keeps it as it was typed."""
    server.answer = lambda request: send_reply(request, b"\xef\xbb\xbf" + CSV, Content_Type="text/csv")
    source = """
        import pandas as pd
        def handler(table: pd.DataFrame, text: str):
            return {"cities": list(table["city"]), "start": text[:4]}
    """
    url = f"{server.url}/dati aperti/città/"
    job = jobs.run(source, "--input", f"table={url}", "--input", f"text={url}")
    assert (job.code, job.result.get("results")) == (
        0, {"output_0": {"cities": ["Trento"], "start": "city"}},
    ), job.err  # fmt: skip
    assert jobs.read_entity("dataitems", "text")["spec"]["path"] == url
