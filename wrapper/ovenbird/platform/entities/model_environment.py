"""Describe what a model needs to be loaded again: Python, packages, and its inputs and outputs."""

from __future__ import annotations

import contextlib
import sys
from typing import Any

from ...common.imported_packages import list_imported_packages
from .json_values import json_value

_MOST = 1000  # names of features or classes that are recorded


def describe_environment() -> dict[str, Any]:
    """Return `python` and `requirements`: the versions of all imported packages."""
    packages = {name: version for name, version in list_imported_packages().items() if name != "ovenbird"}
    requirements = [f"{name}=={version}" for name, version in packages.items()]
    return {"python": sys.version.partition(" ")[0], "requirements": requirements}


def describe_signature(estimator: Any) -> dict[str, Any]:
    """Return the features and classes of a fitted scikit-learn estimator, as far as it has them."""
    signature: dict[str, Any] = {}
    names = {"features": "n_features_in_", "feature_names": "feature_names_in_", "classes": "classes_"}
    for name, attribute in names.items():
        with contextlib.suppress(Exception):  # properties of estimators raise what they like
            value = json_value(getattr(estimator, attribute))
            if not isinstance(value, list) or len(value) <= _MOST:
                signature[name] = value
    return signature
