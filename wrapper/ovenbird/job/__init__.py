"""Run a handler a single time: inputs and parameters in, results and stored outputs out."""
