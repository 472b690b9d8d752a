"""The lineage of an entity as a picture: a graph in layers, drawn as SVG on the server."""
