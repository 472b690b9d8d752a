"""The verbs that read and change what is recorded: a module for each, with its flags and what it prints."""
