"""The terminal user interface: the only room with textual."""
