"""Files by URL: local folders, object storage and HTTP."""
