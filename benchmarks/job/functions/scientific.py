"""A job that imports pandas and scikit-learn, and does a little with both."""

import pandas as pd
from sklearn.linear_model import LinearRegression


def handler(n: int) -> float:
    """Fit a line through ten points."""
    frame = pd.DataFrame({"x": range(10), "y": [n * value for value in range(10)]})
    model = LinearRegression().fit(frame[["x"]].to_numpy(), frame["y"].to_numpy())
    return round(float(model.coef_[0]), 6)
