"""The real queue runner, whose supervisors start fake engines: `runner.py MODE ROOT [OPTION]`."""

import dataclasses
import sys
from pathlib import Path

from labtui.launch.launcher import start
from labtui.launch.queue.runner import main

PARENT = str(Path(__file__).with_name("supervisor.py"))


def launch(folder, *, interpreter, **options):
    other = dataclasses.replace(interpreter, program=("-P", PARENT, sys.argv[1]))
    return start(folder, interpreter=other, **options)


if __name__ == "__main__":
    sys.exit(main(sys.argv[2:], launch=launch, pause=0.05))
