"""The platform's processor, as a command line: its document is read here, and served or run by `serve` and `job`."""
