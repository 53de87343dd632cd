"""Text for people, below all other packages: cleaning, numbers, durations, sizes, words, spans and tables.

Every command and the first frame of the console import it, so it imports nothing heavy.
"""
