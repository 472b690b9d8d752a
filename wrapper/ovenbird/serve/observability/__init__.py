"""What can be seen of a service: access log, metrics, failures, traces and its own routes."""
