"""Images in the local store of buildah and podman."""
