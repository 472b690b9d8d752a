"""A new base under the same layers, without a build."""
