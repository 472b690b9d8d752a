"""Runs and services on Kubernetes, through the user's own kubectl."""
