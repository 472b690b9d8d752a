"""The situations of a build, each measured for all contenders in turn; ratios are taken within a round."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from statistics import median

from contenders import STORE, Containerfile, Contender, Ovenbird
from environments import say
from ground import Ground, lock
from stacks import Stack
from timing import Cost

CODE = "import time; t = time.perf_counter(); import {imports}; print(time.perf_counter() - t)"


@dataclass(frozen=True)
class Row:
    """One contender in one situation: what each round cost, by where the image went."""

    situation: str
    stack: str
    contender: str
    where: str
    rounds: list[Cost] = field(default_factory=list)

    @property
    def seconds(self) -> list[float]:
        """The wall time of each round."""
        return [cost.seconds for cost in self.rounds]


class Rows(list[Row]):
    """All that was measured."""

    def add(self, situation: str, stack: str, contender: str, costs: dict[str, Cost]) -> None:
        """Add a round."""
        for where, cost in costs.items():
            self.get(situation, stack, contender, where, make=True).rounds.append(cost)

    def get(self, situation: str, stack: str, contender: str, where: str, *, make: bool = False) -> Row:
        """Return the row of these names. Errors: KeyError."""
        key = (situation, stack, contender, where)
        for row in self:
            if (row.situation, row.stack, row.contender, row.where) == key:
                return row
        if not make:
            raise KeyError(key)
        self.append(Row(*key))
        return self[-1]

    def compute_ratio(
        self, situation: str, stack: str, where: str, contender: str = "ovenbird", *, cpu: bool = False
    ) -> float | None:
        """Return the ratio of costs to the Containerfile with pip: the median over the rounds; None without a round."""
        ratios = self.list_ratios(situation, stack, where, contender, cpu=cpu)
        return median(ratios) if ratios else None

    def list_ratios(
        self, situation: str, stack: str, where: str, contender: str = "ovenbird", *, cpu: bool = False
    ) -> list[float]:
        """Return the ratio of costs to the Containerfile with pip in each round."""
        try:
            rows = [self.get(situation, stack, name, where) for name in (contender, "pip")]
        except KeyError:
            return []
        pairs = zip(rows[0].rounds, rows[1].rounds, strict=False)
        return [(a.cpu / b.cpu) if cpu else (a.seconds / b.seconds) for a, b in pairs]


@dataclass(frozen=True)
class Rounds:
    """How often each situation is measured."""

    quick: int = 9  # nothing or the source changed; imports
    slow: int = 3  # a dependency changed; cold
    locks: int = 2


def measure(at: Ground, stack: Stack, contenders: Sequence[Contender], rounds: Rounds, rows: Rows) -> list[str]:
    """Measure every situation of a stack, and return the faults: blobs that should not have been written."""
    for contender in contenders:  # once without being measured: what is needed only once is made
        contender.fetch()
        contender.build()
    faults = _measure_unchanged(stack, contenders, rounds, rows)

    def edit(number: int) -> Callable[[Contender], None]:
        return lambda contender: contender.function.edit(number)

    for number in range(1, rounds.quick + 1):
        _measure_round("only the source changed", stack, contenders, edit(number), rows)
    for name, versions in stack.changing:
        for version in versions[: rounds.slow]:
            say(f"{stack.name}: {name} becomes {version}")

            def take(contender: Contender, variant: str = f"{name}-{version}") -> None:
                contender.function.take(stack, variant, at.locks)
                contender.fetch()

            _measure_round(f"{name} changed", stack, contenders, take, rows)
    for contender in contenders:
        contender.function.take(stack, "first", at.locks)
    for number in range(rounds.slow):
        say(f"{stack.name}: cold")
        _measure_round(
            "cold",
            stack,
            contenders,
            lambda _: None,
            rows,
            around=lambda contender, number=number: contender.forget_images(number),
        )
    return faults


def _measure_round(
    situation: str, stack: Stack, contenders: Sequence[Contender], change: Callable[[Contender], None], rows: Rows,
    around: Callable[[Contender], AbstractContextManager[None]] = lambda _: nullcontext(),
) -> None:  # fmt: skip
    for contender in contenders:
        change(contender)
        with around(contender):
            os.sync()  # nobody pays for what another one has left to write
            rows.add(situation, stack.name, contender.name, contender.build())


def _measure_unchanged(stack: Stack, contenders: Sequence[Contender], rounds: Rounds, rows: Rows) -> list[str]:
    """Measure builds without a change, and return the faults: layers that were written."""
    say(f"{stack.name}: nothing changed")
    own = next(contender for contender in contenders if isinstance(contender, Ovenbird))
    before = {where: own.list_blobs(where) for where in own.caches}
    for _ in range(rounds.quick):
        _measure_round("nothing changed", stack, contenders, lambda _: None, rows)
    faults = [
        f"{stack.name}, {where}: a blob was written" for where in before if own.list_blobs(where) != before[where]
    ]
    return faults + [
        f"{stack.name}, {where}: not left alone" for where in own.caches if own.read_result(where)["changed"]
    ]


def measure_imports(stack: Stack, own: Ovenbird, peer: Containerfile, rounds: Rounds, rows: Rows) -> None:
    """Measure a stack's imports in a new container of each image, as its user; the peer's with `--timestamp`."""
    say(f"{stack.name}: imports")
    own.build()
    peer.build_timed("localhost/timed:1")
    images = {own.name: (own.store, own.tags[STORE]), peer.name: (peer.store, "localhost/timed:1")}
    for number in range(rounds.quick + 1):
        for name, (store, image) in images.items():
            command = ("podman", "run", "--rm", "--network=none", "--entrypoint=python", image)
            text = store.run(*command, "-c", CODE.format(imports=stack.imports))
            if number:
                rows.add("import", stack.name, name, {"container": Cost(float(text), float(text), 0.0)})


def measure_locks(at: Ground, own: Ovenbird, rounds: Rounds, rows: Rows) -> None:
    """Measure locking from scratch with each locker, on the real index."""
    for number in range(rounds.locks + 1 if rounds.locks else 0):
        for locker in ("pip-tools", "uv"):
            say(f"{own.stack.name}: locking by {locker}")
            cost = lock(at, own.store, own.function, locker, "--upgrade")
            if number:  # the first one fills the lockers' own caches
                rows.add("lock", own.stack.name, locker, {"lock": cost})
