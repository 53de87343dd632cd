"""labtui: launch, watch and judge machine-learning experiments, in one terminal."""

__version__ = "0.1.0"
