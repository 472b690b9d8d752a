"""Forms in a browser from the contract of a function: fields, HTML, values. Loaded when it is asked for."""
