"""What the console reads: runs, curves, logs, the catalog and the load of the machine. No Textual here."""
