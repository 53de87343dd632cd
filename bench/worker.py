"""The child process of a contender: prepares it, then measures one round for every line on standard input.

It writes JSON lines to its original standard output; whatever the measured code prints goes to standard error.
"""

import importlib
import json
import os
import sys
from collections.abc import Sequence
from typing import Any

from bench.harness import Round, Skipped


def main(arguments: Sequence[str]) -> None:
    """`arguments` are `module:function`, and its arguments in JSON."""
    with os.fdopen(os.dup(1), "w") as messages:
        os.dup2(2, 1)

        def send(**message: Any) -> None:
            messages.write(json.dumps(message) + "\n")
            messages.flush()

        try:
            measure = make_round(*arguments)
        except Skipped as reason:
            send(skipped=str(reason))
            return
        send(ready=True)
        for _ in sys.stdin:
            sample = measure()
            send(units=sample.units, seconds=sample.seconds)


def make_round(name: str, arguments: str) -> Round:
    """The round that the named function of `bench.contenders` returns."""
    module, _, function = name.partition(":")
    made: Round = getattr(importlib.import_module(f"bench.contenders.{module}"), function)(**json.loads(arguments))
    return made


if __name__ == "__main__":
    main(sys.argv[1:])
