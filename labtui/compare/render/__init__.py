"""A comparison as text: for a terminal, for files, and as the commands that it proposes."""
