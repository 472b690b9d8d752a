"""Run the image of a function in a local container engine."""
