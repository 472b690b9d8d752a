"""The search of a tree: the files it reads, and the lines it reports."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ovenbird_builder.sources import secret_search
from ovenbird_builder.sources.secret_search import Lines, SecretFinding, search_text, search_tree

TOKEN = "ghp" + "_" + "a1B2" * 9
KEY = "-----BEGIN {0}-----\n{1}\n{1}\n-----END {0}-----\n".format("PRIVATE" + " KEY", "MIIE" * 16)
PIECE = 1024 * 1024


def remember_nothing(digest: str, search: Callable[[], Lines]) -> Lines:
    """Remember nothing."""
    return search()


def search(folder: Path) -> list[str]:
    return [str(finding) for finding in search_tree(folder, remember_nothing)]


def test_each_finding_has_its_path_and_line(tmp_path: Path) -> None:
    """In the order of paths and lines; a file that is known by its name has no line."""
    (tmp_path / "b").mkdir()
    (tmp_path / "a.py").write_text(f"import os\n\nX = '{TOKEN}'\nY = '{TOKEN}'\n")
    (tmp_path / "b" / "server.pem").write_text("# ours\n" + KEY)
    (tmp_path / "b" / ".env").write_text(f"A=1\nB={TOKEN}\n")
    assert search(tmp_path) == [
        "a.py:3: GitHub token",
        "a.py:4: GitHub token",
        "b/.env: a file of variables",
        "b/.env:2: GitHub token",
        "b/server.pem:2: private key",
    ]


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1"])
def test_text_is_read_in_its_encoding(tmp_path: Path, codec: str) -> None:
    """With a mark at its start or without one, as editors on Windows write it."""
    (tmp_path / "settings.txt").write_bytes(f"# één\r\nname = a\r\ntoken = {TOKEN}\r\n".encode(codec))
    assert search(tmp_path) == ["settings.txt:3: GitHub token"]


def test_a_binary_file_is_searched_for_keys_alone(tmp_path: Path) -> None:
    """Chance makes tokens of random bytes, but no key within its armor."""
    (tmp_path / "model.bin").write_bytes(b"\0\x01\xff" * 100 + TOKEN.encode() + b"\0")
    (tmp_path / "state.db").write_bytes(b"\0\x01\xff" * 100 + KEY.encode() + b"\0")
    assert search(tmp_path) == ["state.db:1: private key"]


@pytest.mark.slow
@pytest.mark.parametrize("before", [0, PIECE - 20, PIECE, 2 * PIECE - 60, 3 * PIECE + 17])
def test_a_large_file_is_searched_whole(tmp_path: Path, before: int) -> None:
    """A match across two chunks is found once, at its line."""
    line = b"0123456789abcde\n"
    head = line * (before // 16) + b"." * (before % 16)
    (tmp_path / "data.csv").write_bytes(head + f" {TOKEN} \n".encode() + line * 100_000)
    assert search(tmp_path) == [f"data.csv:{before // 16 + 1}: GitHub token"]


def test_a_large_file_is_not_searched_again_while_it_stays_the_same(tmp_path: Path) -> None:
    """An edit of another file costs its digest only; small files are searched each time."""
    (tmp_path / "data.csv").write_bytes(f"{TOKEN}\n".encode() + b"x" * secret_search.LARGE)
    (tmp_path / "main.py").write_text(f"'{TOKEN}'")
    lines_by_path: dict[str, Lines] = {}

    def remember(digest: str, search: Callable[[], Lines]) -> Lines:
        if digest not in lines_by_path:
            lines_by_path[digest] = search()
        return lines_by_path[digest]

    assert len(search_tree(tmp_path, remember)) == 2
    lines_by_path.update({digest: [(7, "as remembered")] for digest in lines_by_path})
    assert [str(finding) for finding in search_tree(tmp_path, remember)] == [
        "data.csv:7: as remembered", "main.py:1: GitHub token",
    ]  # fmt: skip
    assert len(lines_by_path) == 1


def test_a_link_is_judged_by_its_name_and_its_file_once(tmp_path: Path) -> None:
    """Its target is another file of the tree."""
    (tmp_path / "settings").write_text(TOKEN)
    (tmp_path / ".env").symlink_to("settings")
    (tmp_path / "again").symlink_to("settings")
    assert search(tmp_path) == [".env: a file of variables", "settings:1: GitHub token"]


def test_a_file_full_of_secrets_gives_a_hundred(tmp_path: Path) -> None:
    """More would not help, and would fill the cache."""
    (tmp_path / "dump.txt").write_text(f"{TOKEN}\n" * 100_000)
    assert len(search(tmp_path)) == 100


def test_a_text_is_searched_under_its_name() -> None:
    """As the function document, which is no file of the tree."""
    assert search_text("function.yaml", f"kind: python\ntoken: {TOKEN}\n".encode()) == [
        SecretFinding("function.yaml", 2, "GitHub token")
    ]


@pytest.mark.parametrize(
    "text",
    [
        "kind: Config\n", '"auths": {', "PuTTY-User-Key-File-3:", "-----BEGIN " + "PRIVATE KEY-----\n", "sk-proj-",
        "-----BEGIN " + "PRIVATE KEY-----\n Proc-Type: x\n", "whsec_" + "a" * 40 + "_", TOKEN + " ", "xoxb-",
        "_authToken=",
    ],
    ids=["cluster", "registry", "putty", "armor", "openai", "headers", "underscore", "one line", "slack", "npm"],
)  # fmt: skip
def test_a_text_that_begins_like_secrets_all_over_is_searched_in_time(text: str) -> None:
    """A source is not trusted: no pattern may be quadratic."""
    assert len(search_text("a", (text * (2 * PIECE // len(text))).encode())) <= 100
