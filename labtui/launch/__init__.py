"""Starting and stopping the engine somewhere: the small parent, devices and their slots, the queue."""
