"""What is worth knowing about a row besides its numbers. Each module gives a tuple of `Finding`."""
