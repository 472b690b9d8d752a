"""Every setting: flag, variable, default, and what does not parse."""

from __future__ import annotations

from typing import Any

import pytest

from ovenbird import settings as table
from ovenbird.errors import SettingsError

# one text that parses, and what it becomes, for each row of the table
GOOD: dict[str, tuple[str, Any]] = {
    "source": ("code", "code"),
    "init": ('{"a": 1}', {"a": 1}),
    "env_file": (".env", ".env"),
    "container": ("on", True),
    "image": ("registry/app:1", "registry/app:1"),
    "engine": ("docker", "docker"),
    "env": ("TOKEN, REGION", ("TOKEN", "REGION")),
    "project": ("p1", "p1"),
    "platform": ("core", "core"),
    "platform_patience": ("5s", 5.0),
    "host": ("0.0.0.0", "0.0.0.0"),
    "port": ("9000", 9000),
    "admin_port": ("9001", "9001"),
    "page": ("off", "off"),
    "methods": ("get, POST", ("GET", "POST")),
    "workers": ("3", 3),
    "preload": ("init", "init"),
    "max_requests": ("1000", 1000),
    "concurrency": ("8", 8),
    "queue": ("0", 0),
    "queue_timeout": ("10s", 10.0),
    "timeout": ("500ms", 0.5),
    "max_body": ("4MiB", 4 * 1024**2),
    "max_pending_input": ("64MiB", "64MiB"),
    "max_fields": ("100", 100),
    "max_items": ("0", 0),
    "max_header": ("16kb", 16_000),
    "read_timeout": ("2m", 120.0),
    "write_timeout": ("250ms", 0.25),
    "max_pending_output": ("64MiB", 64 * 1024**2),
    "keep_alive": ("1h", 3600.0),
    "init_timeout": ("1.5", 1.5),
    "drain_delay": ("0", 0.0),
    "grace": ("5s", 5.0),
    "access_log": ("off", False),
    "log_format": ("json", "json"),
    "log_level": ("debug", "debug"),
    "reload": ("yes", True),
    "debug": ("1", True),
}
BAD: dict[str, str] = {
    "init": "[1]", "container": "maybe", "engine": "lxc", "env": "A=B",
    "port": "65536", "admin_port": "on", "page": "yes",
    "methods": "GET;POST", "workers": "0", "preload": "on", "max_requests": "-1", "concurrency": "x",
    "queue": "1.5", "queue_timeout": "1w", "timeout": "-1", "max_body": "4 parsecs", "max_fields": "-1",
    "max_pending_input": "-1",
    "max_items": "1k", "max_header": "",
    "read_timeout": "soon", "write_timeout": "1 day", "max_pending_output": "-1",
    "keep_alive": "1d", "init_timeout": "nan", "drain_delay": "inf", "grace": "1e3",
    "access_log": "maybe", "log_format": "xml", "log_level": "INFO", "reload": "2", "debug": "tru",
}  # fmt: skip
NAMES = [row.name for row in table.options("serve")]


def flag_text(name: str, text: str) -> Any:
    """The text as flags: init is repeatable NAME=JSON."""
    return ["a=1"] if name == "init" else text


def test_the_rows_of_these_tests_are_those_of_the_table() -> None:
    """A setting that is added to the table is added here."""
    assert list(GOOD) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_each_setting_is_a_flag_and_a_variable(name: str) -> None:
    """The flag wins over the environment, the environment over the default."""
    row = next(row for row in table.options("serve") if row.name == name)
    text, value = GOOD[name]
    variable = table.variable(row)
    assert variable == ("OVENBIRD_INIT_PARAMETERS" if name == "init" else f"OVENBIRD_{name.upper()}")
    assert table.flag(row) == "--" + name.replace("_", "-")
    assert row.metadata["doc"].endswith(".")

    def resolved(flags: dict[str, Any], environ: dict[str, str]) -> Any:
        return getattr(table.resolve("serve", flags, environ), name)

    assert resolved({}, {}) == table.default(row)
    assert resolved({}, {variable: text}) == value
    assert resolved({name: flag_text(name, text)}, {}) == value
    assert resolved({name: flag_text(name, text)}, {variable: text if name == "init" else "nonsense"}) == value
    assert resolved({}, {variable: ""}) == table.default(row)


@pytest.mark.parametrize(("name", "text"), BAD.items())
def test_a_value_that_does_not_parse_is_an_error(name: str, text: str) -> None:
    """A bad value is never replaced by the default: the error has its origin, the value and what was expected."""
    flags = {name: ["noequals"] if name == "init" else text}
    with pytest.raises(SettingsError) as caught:
        table.resolve("serve", flags, {})
    assert caught.value.message.startswith(f"--{name.replace('_', '-')}: expected ")
    if name == "init":  # whose value may be a secret
        assert "noequals" not in caught.value.message
    else:
        assert caught.value.message.endswith(f", found {text!r}")
    assert caught.value.exit_code == 70


def test_all_bad_values_are_reported_together() -> None:
    """One error lists those of flags and of the environment."""
    environ = {"OVENBIRD_QUEUE": "x", "PORT": "y", "OVENBIRD_INIT_PARAMETERS": "{"}
    with pytest.raises(SettingsError) as caught:
        table.resolve("serve", {"timeout": "z", "init": ["=1", "ok=1"]}, environ)
    origins = [part.partition(":")[0] for part in caught.value.message.split("; ")]
    assert sorted(origins) == ["--init", "--timeout", "OVENBIRD_INIT_PARAMETERS", "OVENBIRD_QUEUE", "PORT"]
    assert caught.value.hint == "`ovenbird serve --help` lists every setting"


def test_port_is_understood_as_platforms_set_it() -> None:
    """PORT is what platforms set; OVENBIRD_PORT, being more exact, wins over it."""
    assert table.resolve("serve", {}, {"PORT": "1"}).port == 1
    assert table.resolve("serve", {}, {"PORT": "1", "OVENBIRD_PORT": "2"}).port == 2
    assert table.resolve("serve", {"port": "3"}, {"PORT": "1", "OVENBIRD_PORT": "2"}).port == 3


def test_init_parameters_are_merged_from_environment_and_flags() -> None:
    """OVENBIRD_INIT_PARAMETERS is a JSON object; each --init adds to it, or replaces."""
    environ = {"OVENBIRD_INIT_PARAMETERS": '{"a": 1, "b": {"c": null}}'}
    parameters = table.resolve("check", {"init": ["a=2", "d=text with = sign", "e=[1, 2]", "f="]}, environ).init
    assert parameters == {"a": 2, "b": {"c": None}, "d": "text with = sign", "e": [1, 2], "f": ""}


def test_a_verb_takes_its_own_settings_only() -> None:
    """A variable of another verb is not read: a bad one does not stop `check`."""
    assert table.resolve("check", {}, {"OVENBIRD_QUEUE": "x"}).queue == 200
    assert {row.name for row in table.options("check")} == {"source", "init", "strict", "log_format", "log_level"}


def test_the_processor_has_defaults_of_its_own() -> None:
    """In its container it listens on all addresses, has a port for probes, and sets no time limit for calls."""
    settings = table.resolve("processor", {}, {})
    assert (settings.host, settings.port, settings.probe_port, settings.timeout) == ("0.0.0.0", 8080, 8082, 0.0)
    assert table.resolve("processor", {"probe_port": "0"}, {}).probe_port == 0
    assert table.resolve("serve", {}, {}).probe_port == 0


def test_explicit_settings() -> None:
    """A flag or any variable of a setting sets it; an empty variable, or one of another verb, does not."""
    environ = {"PORT": "1", "OVENBIRD_QUEUE": "", "OVENBIRD_PARAM": "{}"}
    assert table.overridden_names("processor", {"timeout": "1", "host": None}, environ) == {"timeout", "port"}
