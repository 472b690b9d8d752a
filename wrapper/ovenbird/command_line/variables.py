"""Warn about variables that begin with `OVENBIRD_` and are not read, with a similar name that is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import fields

from .. import settings as table
from ..common.did_you_mean import nearest_name

_PREFIX = "OVENBIRD_"
_NEAR = 0.75  # how similar a name must be: others with our prefix may be the user's own
# those of the builder and of the images; a test holds them to what the sources read
OTHERS = frozenset(
    f"{_PREFIX}{name}"
    for name in (
        "TARGET HOME SPARE_HOME LOCAL_RUN IMAGE_DIGEST PROCESS_ONE MACHINE REVISION REGISTRY GIT_USERNAME GIT_PASSWORD"
        " BUILD_TAG BUILD_PLATFORM BUILD_TIMEOUT ALLOW ALLOW_HOST AUTHFILE BASE BUNDLE CACHE_DIR CA_BUNDLE COMPRESSION"
        " CONSTRAINTS CREDS_FILE DOTENV_FILE DRY_RUN EXPLAIN EXTRA EXTRA_INDEX_URL INDEX_URL INSTRUCTION LIST LOCKER"
        " OFFLINE OUT OUTPUT PUSH PYTHON REQUIREMENT REQUIREMENTS SECRET WRITE_BACK CHECK LABEL ANNOTATION STANDINS"
        " STORE MLFLOW NEW_RUN"
    ).split()
)
# what Kubernetes sets in each pod of a namespace that has a Service called `ovenbird` or `ovenbird-...`
_OF_A_SERVICE = re.compile(r"\w+_SERVICE_(HOST|PORT\w*)|OVENBIRD_\w*PORT_\d+_(TCP|UDP|SCTP)(_\w+)?")
_ADDRESS = re.compile(r"(tcp|udp|sctp)://")


def describe_misspelled(names: Iterable[str], environ: Mapping[str, str]) -> list[str]:
    """Return a sentence for each name that is similar to a variable of ours. No value is shown."""
    variables = {name.removeprefix(_PREFIX) for row in fields(table.Settings) for name in table.variables(row)}
    variables |= {name.removeprefix(_PREFIX) for name in OTHERS}
    sentences = []
    for name in sorted(names):
        if name in OTHERS or _OF_A_SERVICE.fullmatch(name) or _ADDRESS.match(environ.get(name, "")):
            continue
        if suggestion := nearest_name(name.removeprefix(_PREFIX), variables, _NEAR):
            sentences.append(f"the variable {name} is not read; did you mean {_PREFIX}{suggestion}?")
    return sentences
