"""Runs a program of the user's own as one attempt of a run: `python -m labtui.harness RUN_DIR`.

The program is not changed and knows nothing of labtui. The harness starts it, reads the metrics that it writes (event
files, lines of output, JSON lines, CSV), writes the heartbeat and the result, and passes a request to stop on.
"""
