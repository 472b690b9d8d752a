"""buildah, skopeo, podman and docker: their arguments, containers and errors."""
