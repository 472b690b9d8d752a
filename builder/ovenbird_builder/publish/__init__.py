"""Bring a built image to where it was asked for."""
