"""Reports of runs to the servers where a team looks: OpenLineage events, and MLflow runs."""
