"""The terminal itself: what it can show, its restoration, job control, and a driver that writes fewer bytes."""
