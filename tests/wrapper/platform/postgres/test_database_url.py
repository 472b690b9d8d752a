"""URLs of databases: what is refused before a connection."""

from __future__ import annotations

import pytest

from ovenbird.errors import SettingsError
from ovenbird.platform.postgres.database_url import parse_database_url


@pytest.mark.parametrize("hosts", ["one:99999", "one:0", "one:5432,two:65536", "one:-1", "one:x"])
def test_a_port_out_of_range_is_refused_at_once(hosts: str) -> None:
    """Nothing is tried for as long as a server that is down would be; the error shows no password."""
    with pytest.raises(SettingsError, match="OVENBIRD_STORE: the URL of the database") as caught:
        parse_database_url(f"postgresql://ann:word@{hosts}/runs", "OVENBIRD_STORE")
    assert "word" not in caught.value.message


def test_ports_of_each_host_are_kept() -> None:
    """libpq takes several hosts, each with its port."""
    url = parse_database_url("postgresql://ann@one:5433,two:65535/runs", "OVENBIRD_STORE")
    assert (url.parameters["host"], url.parameters["port"]) == ("one,two", "5433,65535")
