"""Run a function once: values in, outputs, a record of it."""
