"""What all runs of a sweep have in common, and the settings of one of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ...common.cpu_count import count_cpus
from ...function.handler import Handler
from ...function.target import Target
from ...platform.store import EntityStore
from ...platform.store_factory import open_store
from ...settings import Settings
from .lines import Line, LineCollection

if TYPE_CHECKING:
    from ..load_state import LoadState
    from ..reuse import FormerRuns

TAG = "sweep"


class SharedFunction(NamedTuple):
    """What all lines' processes have from the template: the loaded function, and what is recorded of it.

    `function` is the key of its revision. `former_runs` are the completed runs that may be reused; None without
    `--reuse`.
    """

    handler: Handler
    state: LoadState
    function: str
    former_runs: FormerRuns | None


@dataclass(frozen=True)
class SweepPlan:
    """A sweep. `identity` is the value of the tag `sweep` of its runs; `launch` says how it was started.

    `parameters` are those of all lines. The parameters of a line win over them.
    """

    target: Target
    settings: Settings
    environ: Mapping[str, str]
    launch: Mapping[str, Any]
    project: str
    parameters: Mapping[str, Any]
    lines: LineCollection
    identity: str

    @property
    def parallel(self) -> int:
        """Return how many runs go on at once."""
        return min(self.settings.parallel or count_cpus(), len(self.lines))

    def open_store(self) -> EntityStore:
        """Return the store, opened by this process. Errors: PlatformError, SettingsError."""
        return open_store(self.settings.platform, self.environ, self.settings.platform_patience)

    def merge_parameters(self, line: Line) -> dict[str, Any]:
        """Return the parameters of a line's run."""
        return {**self.parameters, **line.parameters}

    def make_settings(self, line: Line) -> Settings:
        """Return the settings of a line's run: its name and its folder of outputs have the number of the line."""
        settings = self.settings
        return replace(
            settings,
            each="",
            grid={},
            result_file="",
            name=f"{settings.name}-{line.number}" if settings.name else "",
            tag={TAG: self.identity, **settings.tag},
            output_dir=str(Path(settings.output_dir, str(line.number))) if settings.output_dir else "",
        )

    def make_launch(self, line: Line) -> dict[str, Any]:
        """Return how a line's run was started, for its record."""
        return {**self.launch, TAG: self.identity, "line": line.number}
