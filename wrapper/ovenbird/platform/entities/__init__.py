"""Entities of a project: what each holds, how it is stored, read and searched."""
