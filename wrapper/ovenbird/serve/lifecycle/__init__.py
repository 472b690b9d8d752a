"""The life of a service: its states, the handler's init and close, the ASGI lifespan."""
