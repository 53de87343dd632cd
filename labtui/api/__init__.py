"""What the command line, the console and a notebook do alike, built on catalog, datasets, store, launch and compare.

A caller opens a `Lab`, plans runs by name, starts or queues them, and asks for the comparison. Nothing here prints or
draws. Notebooks and scripts use `labtui.open`, which is built on the same functions.
"""

from labtui.api.lab import Lab, open_lab
from labtui.api.planning import LaunchPlan, PlannedRun, plan_runs

__all__ = ["Lab", "LaunchPlan", "PlannedRun", "open_lab", "plan_runs"]
