"""Names of the OCI specifications: references and annotations."""
