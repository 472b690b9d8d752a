"""The builder's cache: blobs by digest, layers by key, and making room."""
