"""Waiting runs: the entries of the queue, and the process that starts them."""
