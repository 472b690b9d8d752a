"""Imports the scientific stack, and tells which process answers."""

import os

import pandas
import sklearn.ensemble

frame = pandas.DataFrame({"x": range(100)})
model = sklearn.ensemble.RandomForestRegressor(n_estimators=5)


async def handler():
    """Return the process's id."""
    return os.getpid()
