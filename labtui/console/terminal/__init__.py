"""The terminal itself: what it can show, its restoration, job control, and fewer bytes over a slow line."""
