"""The verbs that read and change records: one module for each, with its flags and its output."""
