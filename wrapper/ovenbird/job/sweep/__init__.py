"""Many runs of one function: a run for each line of a file, and for each combination of values."""
