"""Who makes warnings errors means the own code: no run and no output is lost by it."""

from __future__ import annotations

import warnings

import pytest
from tests.jobs import Jobs

from ovenbird.common.user_warnings import tolerate_warnings, warn_user

_RETURNS = {
    "a pickled object": ("import fractions", "fractions.Fraction(1, 2)"),
    "a table": ("import pandas", "pandas.DataFrame({'a': [1, 2]})"),
    "a model": ("from sklearn.linear_model import LinearRegression", "LinearRegression().fit([[1], [2]], [1, 2])"),
    "a value that warns": (
        "import warnings\nclass Warns:\n    def __reduce__(self):\n        warnings.warn('mine')\n"
        "        return (dict, ())",
        "Warns()",
    ),
    "a folder with a broken link": (
        "import os\nfrom pathlib import Path\nos.mkdir('out')\nos.symlink('nowhere', 'out/link')\n"
        "Path('out/file').touch()",
        "Path('out')",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("where", ["variable", "handler"])
@pytest.mark.parametrize("name", _RETURNS)
def test_every_output_is_stored(jobs: Jobs, name: str, where: str) -> None:
    """Under PYTHONWARNINGS=error, and after `warnings.simplefilter("error")` in the handler."""
    head, value = _RETURNS[name]
    setting = "warnings.simplefilter('error')" if where == "handler" else "pass"
    source = f"{head}\nimport warnings\ndef handler(project):\n    {setting}\n"
    source += f"    project.log_artifact('logged', data=b'x')\n    return {value}, 5\n"
    environ = {} if where == "handler" else {"PYTHONWARNINGS": "error"}
    job = jobs.run(source, **environ)
    assert (job.code, job.result["state"], job.result["results"]) == (0, "COMPLETED", {"output_1": 5}), job.err
    assert sorted(job.result["outputs"]) == ["logged", "output_0"]
    assert name == "a table" or name == "a model" or "arning" in job.err, "it is still told"


def test_a_warning_shows_a_line_of_the_user_or_none(jobs: Jobs) -> None:
    """What is said of a returned value is logged; what a call of the function brings about names its line."""
    source = (
        "import os\nfrom pathlib import Path\ndef handler(project):\n    os.mkdir('out')\n"
        "    os.symlink('nowhere', 'out/link')\n    Path('out/file').touch()\n"
        "    project.log_artifact('a', source='out')\n    return {1, 2}\n"
    )
    job = jobs.run(source, OVENBIRD_LOG_FORMAT="text")
    assert "main.py:7: UserWarning: out is stored without what cannot be: 'link' is a link" in job.err
    assert " warning output 'output_0' is of type set, which no rule covers: it is stored pickled" in job.err
    assert job.err.count("UserWarning") == 1, job.err


def test_warnings_of_the_handler_stay_errors(jobs: Jobs) -> None:
    """The user asked for errors with PYTHONWARNINGS."""
    source = "import warnings\ndef handler():\n    warnings.warn('mine')\n"
    job = jobs.run(source, PYTHONWARNINGS="error")
    assert (job.code, job.error["type"]) == (74, "UserWarning")


def test_the_filters_are_put_back() -> None:
    """Warnings are printed within the block and are errors after it; other filters stay in force."""
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message="unheard")
        with tolerate_warnings():
            warnings.warn("heard", stacklevel=1)
            warnings.warn("unheard", stacklevel=1)
        with pytest.raises(UserWarning, match="after"):
            warnings.warn("after", stacklevel=1)
        warn_user("logged")
    assert [str(entry.message) for entry in heard] == ["heard"]
