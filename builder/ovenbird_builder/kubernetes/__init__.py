"""Kubernetes manifests of a function: what is asked for -> documents -> YAML. Nothing here talks to a cluster."""
