"""The URL of a database, `postgresql://USER:PASSWORD@HOST:PORT/NAME?sslmode=…`: parse it, show it without secrets."""

from __future__ import annotations

from typing import Any, NamedTuple

from ...common.url_port import MAX_PORT, PORT_HINT
from ...errors import SettingsError

SCHEMES = ("postgresql://", "postgres://")
_PORT = "5432"
_FORM = "such as `postgresql://USER@HOST:5432/NAME?sslmode=verify-full`"
# a server that has vanished is noticed within half a minute, by the kernel
_DEFAULTS = {
    "application_name": "ovenbird",
    "keepalives_idle": "15",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}


class DatabaseUrl(NamedTuple):
    """Parameters of a connection, as libpq has them, and the address for people, which holds no secret."""

    parameters: dict[str, str]
    address: str

    def __repr__(self) -> str:
        return f"<DatabaseUrl {self.address}>"

    @property
    def password(self) -> str:
        """Return the password of the URL, or an empty text."""
        return self.parameters.get("password", "")

    @property
    def root_certificate(self) -> str:
        """Return the file of the authority that the server's certificate is checked with."""
        return self.parameters.get("sslrootcert", "")


def is_database_url(text: str) -> bool:
    """Return whether a text is meant as the URL of a PostgreSQL database."""
    return text.lower().startswith(SCHEMES)


def parse_database_url(text: str, origin: str) -> DatabaseUrl:
    """Return the parameters of a URL that `origin` holds. SettingsError if it is malformed, without the URL's text."""
    if not is_database_url(text):
        raise SettingsError(f"{origin}: expected the URL of a PostgreSQL database", hint=_FORM)
    psycopg = import_psycopg()
    try:
        scheme, _, rest = text.partition("://")
        parsed: dict[str, Any] = psycopg.conninfo.conninfo_to_dict(f"{scheme.lower()}://{rest}")
    except psycopg.Error:  # its message quotes what it could not read, which may be a part of the password
        raise SettingsError(
            f"{origin}: the URL of the database is malformed",
            hint=f"{_FORM}; in a password, write `@` as %40, `:` as %3A, `/` as %2F, `%` as %25",
        ) from None
    parameters = {**_DEFAULTS, **{name: str(value) for name, value in parsed.items() if value is not None}}
    for port in parameters.get("port", "").split(","):
        if port and not (port.isascii() and port.isdecimal() and 0 < int(port[:9]) <= MAX_PORT):
            raise SettingsError(f"{origin}: the URL of the database has a port out of range", hint=PORT_HINT)
    return DatabaseUrl(parameters, _format_address(parameters))


def import_psycopg() -> Any:
    """Return the module `psycopg`. Errors: SettingsError where it is not installed."""
    try:
        import psycopg
        import psycopg.conninfo
    except ImportError as error:
        raise SettingsError(
            f"a PostgreSQL store needs psycopg, which cannot be imported: {error}",
            hint="`pip install 'ovenbird[postgres]'`; in an image, `psycopg[binary]` belongs to the requirements",
        ) from None
    return psycopg


def _format_address(parameters: dict[str, str]) -> str:
    """Return the URL without user, password and parameters."""
    hosts = (parameters.get("host") or parameters.get("hostaddr") or "").split(",")
    ports = (parameters.get("port") or _PORT).split(",")
    ports = ports * len(hosts) if len(ports) == 1 else ports
    pairs = ",".join(host if "/" in host else f"{host}:{port}" for host, port in zip(hosts, ports, strict=False))
    return f"postgresql://{pairs}/{parameters.get('dbname') or parameters.get('user') or ''}"
