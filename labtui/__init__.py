"""labtui: launch, watch and judge machine-learning experiments, in one terminal."""
