"""How fast labtui is, beside its peers, on the machine at hand: `python -m bench`."""
