"""Bytes and seconds as people read them."""


def size_text(count: float) -> str:
    """Bytes in decimal units: "82 kB", "170.5 MB"."""
    return f"{count / 1_000:,.0f} kB" if count < 1_000_000 else f"{count / 1_000_000:,.1f} MB"


def duration_text(seconds: float) -> str:
    """Seconds: "40 s", "35 minutes"."""
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:,.0f} minutes"
