"""The user's own folders, whatever the environment says of them."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest

from ovenbird.common.user_folders import expand_home, find_cache_folder, find_config_folder, find_home

OWN = Path(pwd.getpwuid(os.getuid()).pw_dir)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("~", "/h"),
        ("~/a/b", "/h/a/b"),
        ("~//a", "/h/a"),
        ("/a/~", "/a/~"),
        ("a~", "a~"),
        ("~nosuchuser/a", "~nosuchuser/a"),
        ("~a\0b", "~a\0b"),
        ("~root/a", f"{pwd.getpwnam('root').pw_dir}/a"),
        ("", "."),
    ],
    ids=["home", "below", "two slashes", "in a path", "at the end", "nobody", "NUL", "another", "empty"],
)
def test_a_tilde(text: str, path: str) -> None:
    """Expanded by HOME of the environment that is given; what names nobody stays as it is, and nothing raises."""
    assert expand_home(text, {"HOME": "/h"}) == Path(path)


def test_folders_of_the_specification() -> None:
    """A relative path is no value, as the specification has it; without HOME the user database knows the home."""
    assert find_cache_folder({"XDG_CACHE_HOME": "/c", "HOME": "/h"}) == Path("/c")
    assert find_config_folder({"XDG_CONFIG_HOME": "/c", "HOME": "/h"}) == Path("/c")
    assert find_cache_folder({"XDG_CACHE_HOME": "c", "HOME": "/h"}) == Path("/h/.cache")
    assert find_config_folder({"HOME": "/h"}) == Path("/h/.config")
    assert find_home({}) == find_home({"HOME": ""}) == find_home({"HOME": "h"}) == OWN
    assert find_cache_folder({}) == OWN / ".cache"


def test_a_user_that_no_database_knows() -> None:
    """A container may run as any number: such a user has no home, and that is no error."""
    code = (
        "import pwd\n"
        "def unknown(number): raise KeyError(number)\n"
        "pwd.getpwuid = unknown\n"
        "from ovenbird.common.user_folders import *\n"
        "print(find_home({}), find_cache_folder({}), expand_home('~/a', {}), find_cache_folder({'HOME': '/h'}))\n"
        "from ovenbird_builder.cache.folder import find_cache\n"
        "try: find_cache('', {})\n"
        "except Exception as error: print(type(error).__name__, error)\n"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    first, second = process.stdout.splitlines()[:2]
    assert first == "None None ~/a /h/.cache"
    assert second.startswith("BuildRequestError no folder is known for the cache")
