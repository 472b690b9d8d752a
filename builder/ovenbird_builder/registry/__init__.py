"""The HTTP API of a registry (OCI distribution), for what skopeo cannot do: referrers, and single blobs."""
