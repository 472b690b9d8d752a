"""Ovenbird's builder: source and dependencies in, a locked, reproducible image out. Not built yet; see CHANGELOG."""
