from __future__ import annotations

from pathlib import Path

import pytest

from ovenbird.errors import InputError
from ovenbird.platform.project.project import Project
from ovenbird.platform.storage import files, schemes


@pytest.mark.parametrize(
    ("url", "scheme"),
    [
        ("/a", ""), ("a/b", ""), ("file:///a", ""), ("FILE:///a", ""), ("s3://b/k", "s3"), ("s3a://b/k", "s3"),
        ("s3n://b/k", "s3"), ("zip+s3://b/k.zip", "s3"), ("gs://b/k", "gs"), ("HTTPS://h/", "https"),
        ("zip+https://h/a.zip", "https"), ("sql://d/t", "sql"),
    ],
)  # fmt: skip
def test_the_forms_of_the_sdk_are_known(url: str, scheme: str) -> None:
    assert schemes.get_scheme(url) == scheme


@pytest.mark.parametrize("url", ["ftp://h/a", "zip+ftp://h/a", "zip+zip+s3://b/k"])
def test_other_schemes_are_refused(url: str) -> None:
    with pytest.raises(InputError, match="is not supported"):
        schemes.get_scheme(url)


def test_only_what_has_folders_ends_in_a_slash(tmp_path: Path) -> None:
    urls = ["/a/", "s3a://b/p/", "file:///a/", "https://h/a/", "sql://d/t/", "/a"]
    assert [schemes.is_folder_url(url) for url in urls] == [True, True, True, False, False, False]


def test_local_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`~` is the home, unless there is such a name; a `file://` URL is unescaped, in any case."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert schemes.get_local_path("~/a b.csv") == tmp_path / "a b.csv"
    assert schemes.get_local_path("~") == tmp_path
    assert schemes.get_local_path("a/~/b") == Path("a/~/b")
    assert schemes.get_local_path("~nobody-of-that-name/x") == Path("~nobody-of-that-name/x")
    (tmp_path / "~here").touch()
    assert schemes.get_local_path("~here") == Path("~here")
    for url in ("file:///a%20b/citt%C3%A0", "FILE:///a%20b/città", "file://localhost/a b/città"):
        assert schemes.get_local_path(url) == Path("/a b/città")


@pytest.mark.parametrize("url", ["", "file://", "file://cities.csv", "zip+file://a.zip"])
def test_an_empty_path_is_not_the_current_folder(project: Project, url: str) -> None:
    with pytest.raises(InputError, match=r"is empty|has no path"):
        schemes.get_local_path(url)
    with pytest.raises(InputError, match=r"is empty|has no path"):
        project.log_artifact("a", source=url)


def test_a_stored_folder_keeps_the_current_folder_in_it(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the entity has a path of its own, and no store of files is left out."""
    (tmp_path / "data/here").mkdir(parents=True)
    (tmp_path / "data/here/a.txt").write_text("a")
    monkeypatch.chdir(tmp_path / "data/here")
    stored = project.log_artifact("a", source=str(tmp_path / "data"), path=f"{tmp_path}/copy/")
    assert stored.get_file_paths() == ["here/a.txt"]


def test_the_home_is_read_from_and_written_to(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "a.csv").write_text("x\n1\n")
    stored = Project(project._store, "p", {}, files_store="~/files").log_artifact("a", source="~/a.csv")
    assert stored.spec.path.startswith(f"{tmp_path}/files/p/artifact/a/")
    assert list(project.new_dataitem("d", path="~/a.csv").as_df()["x"]) == [1]


def test_a_folder_by_a_file_url(project: Project, tmp_path: Path) -> None:
    """The URL is unescaped, the names below it are not."""
    (tmp_path / "a b").mkdir()
    (tmp_path / "a b/50%25.csv").write_text("x\n1\n")
    item = project.new_dataitem("d", path=(tmp_path / "a b").as_uri() + "/")
    assert [Path(path).name for path in item.as_file()] == ["50%25.csv"]
    assert (Path(item.download(tmp_path / "out")) / "50%25.csv").exists()
    assert list(item.as_df()["x"]) == [1]


@pytest.mark.parametrize("scheme", ["s3", "s3a", "s3n", "zip+s3", "S3A"])
def test_one_store_by_all_its_schemes(project: Project, s3: dict[str, str], tmp_path: Path, scheme: str) -> None:
    """Keys are used unchanged: blanks, other alphabets and percent signs are not decoded."""
    (tmp_path / "my file.csv").write_text("x\n1\n")
    for name in ("my file.csv", "città%20.csv"):
        files.upload([tmp_path / "my file.csv"], f"{scheme}://outputs/in/{name}", s3)
        item = Project(project._store, "p", s3).new_dataitem("d", "table", path=f"{scheme}://outputs/in/{name}")
        assert list(item.as_df()["x"]) == [1]
        assert Path(item.as_file()[0]).name == name
    assert files.list_files(f"{scheme}://outputs/in/", s3) == ["città%20.csv", "my file.csv"]
    files.remove(f"{scheme}://outputs/in/", ["città%20.csv"], s3)
    folder = Project(project._store, "p", s3).new_artifact("f", path=f"{scheme}://outputs/in/")
    assert [Path(path).name for path in folder.as_file()] == ["my file.csv"]
