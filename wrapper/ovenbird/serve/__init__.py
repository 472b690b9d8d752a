"""Serve a handler over HTTP: life, admission, threads, replies, metrics."""
