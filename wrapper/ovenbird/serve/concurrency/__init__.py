"""Who runs when and where: slots, threads, and calls that hold up the event loop."""
