"""The user's folders: the home, `~` in a typed path, the folders of the XDG specification.

`environ` is the environment that counts. A home that is not set is None, and never another user's.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path


def find_home(environ: Mapping[str, str]) -> Path | None:
    """Return the user's home: `HOME` where it is an absolute path, else that of the user database; None without one."""
    home = environ.get("HOME", "")
    if not home.startswith("/"):
        import pwd

        try:
            home = pwd.getpwuid(os.getuid()).pw_dir
        except KeyError:  # a container may run as a user that no database knows
            return None
    return Path(home) if home.startswith("/") else None


def expand_home(text: str, environ: Mapping[str, str]) -> Path:
    """Return the path that a text names, with `~` and `~user` at its start expanded. An unknown user is left as it is.

    A shell does not expand the value of a variable, nor what follows `=` in `--flag=~/path`.
    """
    start, _, rest = text.partition("/")
    if not start.startswith("~"):
        return Path(text)
    home = find_home(environ) if start == "~" else _find_home_of(start[1:])
    return home / rest.lstrip("/") if home else Path(text)


def find_cache_folder(environ: Mapping[str, str]) -> Path | None:
    """Return the folder for caches; None if neither it nor a home is known."""
    return _find_xdg("XDG_CACHE_HOME", ".cache", environ)


def find_config_folder(environ: Mapping[str, str]) -> Path | None:
    """Return the folder for configuration; None where neither it nor a home is known."""
    return _find_xdg("XDG_CONFIG_HOME", ".config", environ)


def _find_xdg(name: str, usual: str, environ: Mapping[str, str]) -> Path | None:
    folder = environ.get(name, "")
    if folder.startswith("/"):  # the specification: a relative path is invalid, and is to be ignored
        return Path(folder)
    home = find_home(environ)
    return home / usual if home else None


def _find_home_of(user: str) -> Path | None:
    import pwd

    try:
        return Path(pwd.getpwnam(user).pw_dir)
    except (KeyError, ValueError):  # an unknown user; a name with a NUL, or that is not text
        return None
