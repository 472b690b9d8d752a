"""What objects show of themselves: HTML in a notebook, text in a terminal. Imported when something is shown."""
