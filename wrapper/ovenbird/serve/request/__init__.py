"""From a request to the arguments of a call: its body, media type, charset, form and limits."""
