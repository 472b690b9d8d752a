"""A store that a team shares: PostgreSQL for records, metrics and logs."""
