"""The run folder: its paths, small files, metrics and state. All information about a run comes from here."""
