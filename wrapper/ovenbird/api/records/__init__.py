"""What the verbs on records do: find runs, compare, trace, tag, remove, run again. The commands parse and print."""
