"""Download a table of cities and keep it: what is returned is stored as the data item `world-cities`."""

from typing import Any

from ovenbird import handler


@handler(outputs=["world-cities"])
def download(url: Any, min_population: int = 0) -> Any:
    """Take the input `url`, leave out small cities and add a column; Ovenbird stores the DataFrame as Parquet."""
    cities = url.as_df()
    cities = cities[cities["population"] >= min_population].reset_index(drop=True)
    cities["density"] = (cities["population"] / cities["area_km2"]).round(1)
    return cities
