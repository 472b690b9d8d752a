"""Ovenbird's builder: source and dependencies in, a locked, reproducible image out.

Of `ovenbird` it imports the function document and the errors, nothing else.
"""
