"""Methods of a project for runs, apart from `get_run`."""

from __future__ import annotations

from ..entities.run import Run
from .part import ProjectPart, delete_entities, list_entities


class ProjectRuns(ProjectPart):
    """The methods of a project for runs."""

    def list_runs(
        self, q: str | None = None, name: str | None = None, kind: str | None = None, user: str | None = None,
        state: str | None = None, created: str | None = None, updated: str | None = None, function: str | None = None,
        workflow: str | None = None, task: str | None = None, action: str | None = None,
    ) -> list[Run]:  # fmt: skip
        """Return the runs, newest first; `function` is a key (`entity.key`), `python://project/name:id`, or a name."""
        runs: list[Run] = list_entities(
            self, "run", q=q, name=name, kind=kind, user=user, state=state, created=created, updated=updated,
            function=function, workflow=workflow, task=task, action=action,
        )  # fmt: skip
        for run in runs:
            run._reader = self._run
        return runs

    def delete_run(self, identifier: str, entity_id: str | None = None) -> None:
        """Delete a run (a key or an id), its metrics and its log. Errors: PlatformError while it runs."""
        delete_entities(self, "run", identifier, entity_id, every=False, with_files=False)
