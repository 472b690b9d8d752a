"""`python -m ovenbird` is `ovenbird`."""

from .cli import main

main()
