"""A console that clicks at random: `random_clicks.py ROOT SEED CLICKS`.

It starts, resumes and stops the runs that it saw a moment ago, and sometimes kills a supervisor. It prints the errors.
"""

import os
import random
import signal
import sys
from pathlib import Path

from labtui.errors import LabError
from labtui.launch.stop import kill, request_stop, terminate
from labtui.store.run import Run
from labtui.text.clean import clean_line
from tests.support.launch.stage import Stage, launch_of


def click(stage: Stage, run: Run, chance: random.Random) -> None:
    action = chance.choice(("start", "start", "resume", "resume", "ask", "terminate", "kill", "kill parent"))
    if action in ("start", "resume"):
        stage.start(run, "work", attempt=run.attempt + 1, resume=action == "resume", timeout=0.3)
    elif not run.attempt:
        return
    elif action == "kill parent":
        launch = launch_of(run)
        if launch and launch.parent and chance.random() < 0.5:
            os.kill(launch.parent.pid, signal.SIGKILL)
    elif action == "ask":
        request_stop(run, "a clicking console")
    else:
        (terminate if action == "terminate" else kill)(run)


def main(root: str, seed: str, clicks: str) -> None:
    stage, chance = Stage(Path(root)), random.Random(int(seed))
    seen = stage.store.scan()
    for _ in range(int(clicks)):
        run = chance.choice(seen)
        try:
            click(stage, run, chance)
        except LabError as error:
            sys.stdout.write(f"error {type(error).__name__} {clean_line(error.message)}\n")
        except ProcessLookupError:
            pass
        if chance.random() < 0.7:
            seen = stage.store.scan()


if __name__ == "__main__":
    main(*sys.argv[1:])
