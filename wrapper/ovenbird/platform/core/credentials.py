"""Read the platform's address and credentials from the environment and from the file of the platform's tools."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ...common.named_paths import is_file
from ...common.text import show_value
from ...common.user_folders import expand_home
from ...errors import SettingsError

if TYPE_CHECKING:
    import configparser

PERSONAL, ACCESS, REFRESH = "DHCORE_PERSONAL_ACCESS_TOKEN", "DHCORE_ACCESS_TOKEN", "DHCORE_REFRESH_TOKEN"
USER, PASSWORD = "DHCORE_USER", "DHCORE_PASSWORD"
_SIGN_IN = (PERSONAL, ACCESS, REFRESH, USER, PASSWORD)
_ENTRY = (PERSONAL, ACCESS, REFRESH, USER)  # what a source of credentials holds at least one of
_STORAGE = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
_SECRETS = (PERSONAL, ACCESS, REFRESH, PASSWORD, "DHCORE_ID_TOKEN", "DB_PASSWORD", *_STORAGE)
_OURS = ("DHCORE_", "AWS_", "S3_", "DB_", "OAUTH2_")
_PROFILE = "__default"


@dataclass
class CredentialSource:
    """Credentials from one place, never mixed with another's; `path` and `profile` when that is the file."""

    values: dict[str, str]
    path: Path | None = None
    profile: str = ""
    secrets: set[str] = field(default_factory=set, repr=False)

    def __post_init__(self) -> None:
        self.note(self.values)

    def note(self, values: Mapping[str, str]) -> None:
        """Add values. Secrets among them are remembered until the process ends, so that no message shows them."""
        self.values.update(values)
        self.secrets |= {values[name] for name in _SECRETS if values.get(name)}


def list_credential_sources(environ: Mapping[str, str]) -> list[CredentialSource]:
    """Return the sources of credentials in order of use: the environment, then the file `~/.dhcore.ini`.

    What is no credential (addresses, the client's id) is in each of them, the environment's first; keys of object
    stores are the environment's where the file has none. The last resort is an environment without any. Errors:
    SettingsError when the file does not parse.
    """
    own = {name: value for name, value in environ.items() if name.startswith(_OURS) and value}
    path, profile, stored = _read_file(environ)
    sources = [CredentialSource({**drop_credentials(stored), **own})] if any(own.get(name) for name in _ENTRY) else []
    if any(stored.get(name) for name in _ENTRY):
        others = _STORAGE if stored.get("AWS_ACCESS_KEY_ID") else ()
        spare = {name: value for name, value in own.items() if name not in (*_SIGN_IN, *others)}
        sources.append(CredentialSource({**spare, **stored, **drop_credentials(own)}, path, profile))
    return sources or [CredentialSource({**stored, **own})]


def drop_credentials(values: Mapping[str, str]) -> dict[str, str]:
    """Return the values without credentials."""
    return {name: value for name, value in values.items() if name not in (*_SECRETS, USER)}


def save_tokens(source: CredentialSource, values: Mapping[str, str]) -> None:
    """Put new tokens into the file that the old ones came from: a refresh token works once, and others use it too."""
    if source.path is None:
        return
    import io

    from ...common.atomic_files import write_private_file

    parser = _parse_file(source.path)
    if not parser.has_section(source.profile):
        parser.add_section(source.profile)
    for name, value in values.items():
        parser[source.profile][name.lower()] = value
    text = io.StringIO()
    parser.write(text)
    try:
        write_private_file(source.path, text.getvalue().encode())
    except OSError:
        return  # a read-only home: the tokens still serve this process


def _read_file(environ: Mapping[str, str]) -> tuple[Path, str, dict[str, str]]:
    path = expand_home(environ.get("DH_CONFIG") or "~/.dhcore.ini", environ)
    if not is_file(path):
        return path, "", {}
    parser = _parse_file(path)
    profile = environ.get("DH_NAME") or parser.defaults().get("current_environment") or _PROFILE
    if not parser.has_section(profile):
        if environ.get("DH_NAME"):
            names = ", ".join(parser.sections())
            raise SettingsError(f"DH_NAME: {path} has no profile {show_value(profile)}", hint=f"there are: {names}")
        return path, profile, {}
    values = {name.upper(): value for name, value in parser[profile].items() if value}
    return path, profile, {name: value for name, value in values.items() if name.startswith(_OURS)}


def _parse_file(path: Path) -> configparser.ConfigParser:
    import configparser  # where there is a file: most pods have none

    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(path, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError, OSError) as error:
        # not the parser's own words: they quote the line, which may hold a token
        raise SettingsError(
            f"the credentials file {path} cannot be read: {type(error).__name__}", hint="`DH_CONFIG` names another one"
        ) from None
    return parser
