"""The child process of a contender: makes its round ready, then plays it once for every line on standard input.

It speaks JSON lines on the standard output that it was born with; whatever the measured code prints goes to standard
error.
"""

import importlib
import json
import os
import sys
from collections.abc import Sequence
from typing import Any

from bench.harness import Round, Skipped


def main(arguments: Sequence[str]) -> None:
    """`arguments`: `module:function` and its settings in JSON."""
    with os.fdopen(os.dup(1), "w") as answers:
        os.dup2(2, 1)

        def say(**words: Any) -> None:
            answers.write(json.dumps(words) + "\n")
            answers.flush()

        try:
            play = make(*arguments)
        except Skipped as reason:
            say(skipped=str(reason))
            return
        say(ready=True)
        for _ in sys.stdin:
            sample = play()
            say(units=sample.units, seconds=sample.seconds)


def make(name: str, settings: str) -> Round:
    """The round that a named function makes."""
    module, _, function = name.partition(":")
    made: Round = getattr(importlib.import_module(module), function)(**json.loads(settings))
    return made


if __name__ == "__main__":
    main(sys.argv[1:])
