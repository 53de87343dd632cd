"""The run folder: its paths, its small files, its metrics, its state. The truth about every run lies here."""
