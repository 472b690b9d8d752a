"""What only the platform can do is one error, which says so; what nobody knows is an ordinary one."""

from __future__ import annotations

from pathlib import Path

import pytest

import ovenbird as dh
from ovenbird.errors import PlatformError, PlatformOnlyError
from ovenbird.platform.entities.run import start_run
from ovenbird.platform.project.project import Project

_NAMES = [
    "new_workflow", "get_workflow", "list_workflows", "new_trigger", "list_triggers", "new_task", "new_run",
    "new_extension", "create_extension_schema", "new_containerimage", "load_model", "import_project", "get_s3_client",
    "get_sql_engine", "refresh_token", "set_current_profile", "get_k8s_resource_profiles",
]  # fmt: skip


@pytest.mark.parametrize("name", _NAMES)
def test_a_function_of_the_platform_is_one_error(name: str) -> None:
    """It is there, so that a program can be imported, and raises when it is called."""
    function = getattr(dh, name)
    with pytest.raises(PlatformOnlyError, match=f"ovenbird.{name} is of the platform's SDK and not of Ovenbird: "):
        function("p", kind="x")


def test_a_method_of_the_platform_is_the_same_error(demo: Project, folder: Path) -> None:
    """It is an AttributeError too, as `hasattr` expects, and a PlatformError."""
    (folder / "x").write_text("x")
    owners = [
        (demo, "share"), (demo, "run"), (demo, "new_workflow"), (start_run(demo._store, "demo", {}), "build"),
        (demo.new_function("f", "python", code="", handler="f"), "trigger"),
        (demo.log_dataitem("d", source="x"), "as_dataset"),
    ]  # fmt: skip
    for owner, name in owners:
        assert not hasattr(owner, name)
        with pytest.raises(PlatformOnlyError, match=f"{name} is of the platform's SDK"):
            getattr(owner, name)
    assert issubclass(PlatformOnlyError, PlatformError)


def test_an_unknown_name_is_an_ordinary_error() -> None:
    """Neither the SDK nor Ovenbird has it."""
    for name in ("get_nothing", "log_", "new_thing", "shared"):
        with pytest.raises(AttributeError, match=f"module 'ovenbird' has no attribute '{name}'") as caught:
            getattr(dh, name)
        assert not isinstance(caught.value, PlatformOnlyError)
