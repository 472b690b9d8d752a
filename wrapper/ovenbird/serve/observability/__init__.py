"""Observability of a service: access log, metrics, failures, traces, and the routes of the runtime."""
