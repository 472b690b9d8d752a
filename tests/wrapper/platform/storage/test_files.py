from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.disks import disk
from tests.stores import Server, send_reply

from ovenbird.common.hashing import checksum_file
from ovenbird.common.redact import redact_url
from ovenbird.errors import InputError, OutputError
from ovenbird.platform.storage import files, schemes


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MiB."""
    with disk(tmp_path / "full", "1m") as folder:
        yield folder


def test_urls_are_recognised() -> None:
    urls = ("/a", "a/b", "file:///a", "s3://b/k", "HTTPS://h/")
    assert [schemes.get_scheme(url) for url in urls] == ["", "", "", "s3", "https"]
    with pytest.raises(InputError, match="ftp:// is not supported"):
        schemes.get_scheme("ftp://h/a")


def test_a_url_is_printed_without_its_secrets() -> None:
    assert (
        redact_url("https://me:pw@host:8443/a.csv?X-Amz-Signature=abc") == "https://host:8443/a.csv?X-Amz-Signature=***"
    )


def test_a_file_is_stored_with_its_size_type_and_digest(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x\n1\n")
    (info,) = files.upload([tmp_path / "a.csv"], str(tmp_path / "out/a.csv"), {})
    assert (info["path"], info["name"], info["size"], info["content_type"]) == ("a.csv", "a.csv", 4, "text/csv")
    assert info["hash"] == checksum_file(tmp_path / "out/a.csv")


@pytest.mark.slow
def test_a_large_local_copy_is_hashed_on_request(tmp_path: Path) -> None:
    with (tmp_path / "big").open("wb") as file:
        file.truncate(files.HASHED_AT_ONCE + 1)
    (info,) = files.upload([tmp_path / "big"], str(tmp_path / "out/big"), {})
    assert info["hash"] is None
    assert files.add_digest(info, str(tmp_path / "out/big"))["hash"] == checksum_file(tmp_path / "big")


def test_several_sources_go_below_one_folder(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/b").write_text("b")
    (tmp_path / "a").write_text("a")
    stored = files.upload([tmp_path / "a", tmp_path / "in"], str(tmp_path / "out") + "/", {})
    assert [info["path"] for info in stored] == ["a", "b"]
    assert files.list_files(str(tmp_path / "out") + "/", {}) == ["a", "b"]
    files.remove(str(tmp_path / "out") + "/", ["a", "b"], {})
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("problem", ["absent", "empty", "twice"])
def test_sources_that_cannot_be_stored_are_refused_before_anything_is(tmp_path: Path, problem: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "one").mkdir()
    (tmp_path / "one/a").write_text("a")
    (tmp_path / "a").write_text("a")
    sources = {"absent": ["none"], "empty": ["empty"], "twice": ["a", "one"]}[problem]
    with pytest.raises(OutputError):
        files.upload([tmp_path / name for name in sources], str(tmp_path / "out") + "/", {})
    assert not (tmp_path / "out").exists()


def test_storing_over_http_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be stored over HTTP"):
        files.upload([tmp_path], "https://host/a", {})


def test_a_full_disk_names_what_was_stored_and_what_was_not(full: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name, size in (("a", 10), ("b", 2_000_000), ("c", 10)):
        (tmp_path / "in" / name).write_bytes(b"x" * size)
    with pytest.raises(OutputError, match="b was not stored: No space left on device") as caught:
        files.upload([tmp_path / "in"], f"{full}/", {})
    assert "stored before it: a; not stored either: c" in caught.value.message
    assert caught.value.exit_code == 79
    assert sorted(path.name for path in full.iterdir()) == ["a"]


def test_a_full_disk_at_a_download_is_an_input_error(full: Path, tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(b"x" * 2_000_000)
    with pytest.raises(InputError, match=f"/big cannot be copied to {full}/big: No space left on device") as caught:
        files.download(str(tmp_path / "big"), full / "big", {})
    assert caught.value.hint == "free some space there, or choose another folder"
    assert list(full.iterdir()) == []


def test_a_target_that_cannot_be_written_is_not_the_fault_of_the_source(tmp_path: Path) -> None:
    (tmp_path / "d403").write_bytes(b"x")
    (tmp_path / "folder").mkdir()
    for target, reason in (
        (tmp_path / "folder", "Is a directory"),
        (tmp_path / "d403/a", "(Not a directory|File exists)"),
        (tmp_path / "d403/a/b", "Not a directory"),
    ):
        with pytest.raises(InputError, match=f"d403 cannot be copied to {target}: {reason}") as caught:
            files.download(str(tmp_path / "d403"), target, {})
        assert caught.value.hint == "choose another folder"


def test_digits_of_a_path_are_no_status(tmp_path: Path) -> None:
    """Credentials are named only where a store has answered."""
    (tmp_path / "d403").mkdir()
    with pytest.raises(InputError, match="d403/401 cannot be read: No such file") as caught:
        files.download(str(tmp_path / "d403/401"), tmp_path / "out", {})
    assert caught.value.hint == ""


def test_a_listing_cannot_lead_out_of_the_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="leaves the folder"):
        files.download(f"{tmp_path}/", tmp_path / "out", {}, ["../escaped"])


@pytest.mark.slow
def test_a_large_file_is_copied_in_constant_memory(tmp_path: Path) -> None:
    program = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        from ovenbird.platform.storage import files
        folder = Path(sys.argv[1])
        (info,) = files.upload([folder / "big"], str(folder / "stored"), {})
        files.download(str(folder / "stored"), folder / "back", {})
        assert info["size"] == 400 * 1024**2
        files.add_digest(info, str(folder / "stored"))
        # not ru_maxrss, which counts the parent's memory at the time of the fork
        print(int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) // 1024)
        """
    )
    with (tmp_path / "big").open("wb") as file:
        file.truncate(400 * 1024**2)
    process = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True)
    assert int(process.stdout) < 150


@pytest.mark.slow
def test_inputs_have_a_limit(server: Server, s3: dict[str, str], tmp_path: Path) -> None:
    """The limit holds over HTTP and from an object store, for a folder's files together, and not for local copies."""
    server.answer = lambda request: send_reply(request, b"x" * 3000)
    (tmp_path / "a").write_bytes(b"x" * 3000)
    files.upload([tmp_path / "a"], "s3://outputs/in/a", s3)
    files.upload([tmp_path / "a"], "s3://outputs/in/b", s3)
    for limit in ("2k", "3000"):
        environ = {**s3, "OVENBIRD_MAX_INPUT": limit}
        for url, size in ((f"{server.url}/a", 3000), ("s3://outputs/in/a", 3000), ("s3://outputs/in/", 6000)):
            target = tmp_path / limit / url.rpartition("/")[2]
            if size <= int(limit.replace("k", "000")):
                files.download(url, target, environ)
                continue
            with pytest.raises(InputError, match=r"is larger than .*\(`--max-input") as caught:
                files.download(url, target, environ)
            assert caught.value.exit_code == 78
    files.download(str(tmp_path / "a"), tmp_path / "b", {"OVENBIRD_MAX_INPUT": "1"})
    files.download("s3://outputs/in/", tmp_path / "c", {**s3, "OVENBIRD_MAX_INPUT": "0"})
    with pytest.raises(InputError, match="OVENBIRD_MAX_INPUT: expected a size"):
        files.download(f"{server.url}/a", tmp_path / "d", {"OVENBIRD_MAX_INPUT": "many"})
