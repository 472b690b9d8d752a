"""Help that speaks of every verb, and advice after a mistake on the command line."""
