"""Documents about an image that are stored with it: the bill of materials, and the provenance of the build."""
