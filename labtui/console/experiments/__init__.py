"""The list of experiments and runs, and the main screen around it."""
