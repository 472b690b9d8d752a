"""The page of a service at `/_/`: its contract, a form to call it, the answer. Imported when it is first asked for."""
