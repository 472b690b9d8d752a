"""The functions that are built: a small one and a scientific one, as folders that every contender builds from."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

_DOCUMENT = "kind: python\nname: {name}\nspec:\n  source: {{source: main.py, handler: handler}}\n"
_MAIN = """NUMBER = {number}


def handler(n: int = 1):
    return {{"n": n, "number": NUMBER}}
"""
# Well ordered: what changes seldom comes first. The wheels are mounted, so that no network is measured.
_CONTAINERFILE = """FROM {base}
USER 0
COPY function.lock /tmp/function.lock
RUN {install} /tmp/function.lock
WORKDIR /shared
COPY main.py function.yaml /shared/
USER 8877
ENV OVENBIRD_TARGET=/shared/function.yaml
"""
_PIP = (
    "python -m pip install --quiet --no-cache-dir --root-user-action=ignore --disable-pip-version-check "
    "--no-index --find-links=/wheels --require-hashes --requirement"
)
_UV = (
    "--mount=type=cache,target=/root/.cache/uv UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy "
    "/usr/bin/uv pip install --quiet --system --break-system-packages --no-index --find-links=/wheels "
    "--require-hashes --requirement"
)


@dataclass(frozen=True)
class Stack:
    """Requirements and imports of a function. A dependency of `changing` is changed, version by version."""

    name: str
    title: str
    requirements: tuple[str, ...]
    imports: str
    changing: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def variants(self) -> dict[str, tuple[str, ...]]:
        """Return requirements by name of the variant: `first`, and `NAME-VERSION` for each change."""
        variants = {"first": self.requirements}
        for name, versions in self.changing:
            for version in versions:
                rest = tuple(
                    requirement for requirement in self.requirements if not requirement.startswith(f"{name}==")
                )
                variants[f"{name}-{version}"] = (*rest, f"{name}=={version}")
        return variants


SMALL = Stack("small", "3 pure wheels", ("attrs==25.3.0", "idna==3.10", "six==1.17.0"), "attrs, idna, six")
SCIENTIFIC = Stack(
    "scientific",
    "pandas, scikit-learn, pyarrow",
    ("joblib==1.5.2", "pandas==2.3.3", "pyarrow==22.0.0", "scikit-learn==1.7.2"),
    "pandas, sklearn, pyarrow",
    (("joblib", ("1.5.1", "1.5.0", "1.4.2", "1.4.0", "1.3.2")), ("pandas", ("2.3.2", "2.3.1", "2.3.0"))),
)
STACKS = (SMALL, SCIENTIFIC)


@dataclass(frozen=True)
class Function:
    """A folder with a function: source, document, lock and two Containerfiles."""

    folder: Path

    def write(self, stack: Stack, base: str, locks: Path) -> None:
        """Write all of it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "function.yaml").write_text(_DOCUMENT.format(name=stack.name))
        for tool, install in (("pip", _PIP), ("uv", _UV)):
            (self.folder / f"Containerfile.{tool}").write_text(_CONTAINERFILE.format(base=base, install=install))
        (self.folder / ".ovenbirdignore").write_text("Containerfile.*\n")
        self.edit(0)
        self.take(stack, "first", locks)

    def edit(self, number: int) -> None:
        """Change the source."""
        (self.folder / "main.py").write_text(_MAIN.format(number=number))

    def take(self, stack: Stack, variant: str, locks: Path) -> None:
        """Change the dependencies to those of a variant, with its lock."""
        (self.folder / "requirements.txt").write_text("\n".join(stack.variants()[variant]) + "\n")
        lock = locks / f"{stack.name}-{variant}.lock"
        if lock.exists():
            shutil.copyfile(lock, self.folder / "function.lock")
