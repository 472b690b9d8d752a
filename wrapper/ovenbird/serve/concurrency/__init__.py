"""When and where calls run: slots, threads, and a watchdog for calls that block the event loop."""
