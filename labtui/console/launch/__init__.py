"""The launch dialog: which experiments, seeds, device and overrides, and a preview of the plan."""
