"""Thin Textual widgets over the pure renderers."""
