"""The screens; each holds its state as vars and hands frozen values to its panels."""
