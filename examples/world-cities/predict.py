"""Serve the trained model: init loads it once in each worker, by name or by key."""

import pickle
from pathlib import Path
from typing import Any

import pandas as pd


def init(context: Any, model: str = "city-prices") -> None:
    """Load the model; `--init model=store://...` takes a certain version, a name its latest."""
    entity = context.project.get_model(model)
    context.model = pickle.loads(Path(entity.as_file()[0]).read_bytes())  # noqa: S301  our own model
    context.key = entity.key
    context.logger.info_with("the model is loaded", key=entity.key)


def handler(
    context: Any, population: int, area_km2: float, elevation_m: float, gdp_per_capita: float
) -> dict[str, Any]:
    """The rent that the model expects for a city of such figures."""
    city = pd.DataFrame(
        [{"population": population, "area_km2": area_km2, "elevation_m": elevation_m, "gdp_per_capita": gdp_per_capita}]
    )
    return {"rent": round(float(context.model.predict(city)[0]), 2), "model": context.key}
