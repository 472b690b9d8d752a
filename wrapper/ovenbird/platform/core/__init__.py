"""DigitalHub Core as a store: its REST API, sign-in, and the form of its documents."""
