"""What the command line and the console both do, composed from catalog, data sets, store, launchers and comparison.

A front end opens a `Lab`, plans runs by name, starts or queues what was planned, and asks for the comparison. Nothing
here writes to a stream or knows a screen.
"""

from labtui.api.lab import Lab, open_lab
from labtui.api.planning import Plan, Planned, plan_runs

__all__ = ["Lab", "Plan", "Planned", "open_lab", "plan_runs"]
