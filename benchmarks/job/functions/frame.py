"""A DataFrame as output, against what pandas does itself."""

import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd


def compare(project: Any, rows: int, rounds: int, folder: str) -> Any:
    """Median seconds of `to_parquet` and of storing the same DataFrame as a data item, in turn; ratios of each turn."""
    random = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "id": np.arange(rows),
            "value": random.normal(size=rows),
            "group": random.integers(0, 1000, rows),
            "name": np.array(["alpha", "beta", "gamma", "delta"])[random.integers(0, 4, rows)],
        }
    )
    own, stored = [], []
    for number in range(rounds + 1):
        begin = time.perf_counter()
        frame.to_parquet(Path(folder) / f"own-{number}.parquet")
        own.append(time.perf_counter() - begin)
        begin = time.perf_counter()
        project.log_dataitem("frame", data=frame)
        stored.append(time.perf_counter() - begin)
    own, stored = own[1:], stored[1:]  # the first round also imports pyarrow
    ratios = [second / first for first, second in zip(own, stored, strict=True)]
    return {"own": median(own), "stored": median(stored), "ratios": ratios}
