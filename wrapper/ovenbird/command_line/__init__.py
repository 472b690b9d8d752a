"""What a command line offers beside its verbs: help, completion, advice after a mistake, a starting point."""
