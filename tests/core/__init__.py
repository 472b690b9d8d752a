"""A test double of DigitalHub Core: its REST API over real HTTP, as a runtime meets it, with faults on demand."""
