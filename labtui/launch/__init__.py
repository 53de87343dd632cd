"""Start and stop the engine: launcher and supervisor, devices and their slots, the queue, the fork server."""
