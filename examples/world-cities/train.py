"""Train a model on the stored cities, given by key: it is stored as `city-prices`, with its metrics."""

from typing import Any

import pandas as pd
from sklearn.ensemble import RandomForestRegressor
from sklearn.metrics import mean_absolute_error, r2_score
from sklearn.model_selection import train_test_split

from ovenbird import handler

FEATURES = ["population", "area_km2", "elevation_m", "gdp_per_capita"]


@handler(outputs=["city-prices", "test_rows"])
def train(run: Any, cities: pd.DataFrame, trees: int = 40) -> Any:
    """Predict the rent of a flat from figures of its city; the error after every ten trees is a series of the run."""
    learn, test, rent, expected = train_test_split(cities[FEATURES], cities["rent"], random_state=0)
    model = RandomForestRegressor(n_estimators=0, warm_start=True, random_state=0)
    for count in range(10, trees + 1, 10):
        model.set_params(n_estimators=count).fit(learn, rent)
        run.log_metric("mean_absolute_error", mean_absolute_error(expected, model.predict(test)))
    run.log_metrics({"r2": r2_score(expected, model.predict(test))})
    return model, len(test)
