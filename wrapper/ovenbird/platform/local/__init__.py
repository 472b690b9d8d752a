"""The embedded store: one SQLite file and a folder of files."""
