"""Tables as DataFrames: files, folders, databases, and their previews."""
