"""A contender in a process of its own, so that its threads, allocator settings and imports affect no other one."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.harness import Round, Sample, Skipped
from labtui.launch.environment import SPIN_COUNT

ROOT = Path(__file__).resolve().parent.parent
"""The folder that contains bench and labtui."""

AS_ENGINE = {"GOMP_SPINCOUNT": SPIN_COUNT}
"""What labtui's launcher sets for the engine, apart from threads: how long an OpenMP thread spins before it sleeps."""

EXIT_TIMEOUT = 30.0
"""Seconds that a child process has to exit after its standard input was closed."""


class ProcessDied(Exception):
    """The process of a contender ended unexpectedly."""


@dataclass(frozen=True, slots=True)
class ProcessContender:
    """`function` (`module:function` in `bench.contenders`) is called with `arguments` and returns a Round."""

    name: str
    function: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)

    @contextmanager
    def open(self) -> Iterator[Round]:
        """Start the process, and wait until it is prepared."""
        with tempfile.TemporaryFile() as errors:
            child = subprocess.Popen(
                [sys.executable, "-m", "bench.worker", self.function, json.dumps(dict(self.arguments))],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=ROOT,
                env={**os.environ, **self.environment},
            )

            def read_message() -> Any:
                assert child.stdout is not None
                line = child.stdout.readline()
                if not line:
                    errors.seek(0)
                    raise ProcessDied(f"{self.name} ended.\n{errors.read()[-4_000:].decode(errors='replace')}")
                return json.loads(line)

            def measure() -> Sample:
                assert child.stdin is not None
                child.stdin.write(b"round\n")
                child.stdin.flush()
                message = read_message()
                return Sample(units=message["units"], seconds=message["seconds"])

            try:
                message = read_message()
                if "skipped" in message:
                    raise Skipped(message["skipped"])
                yield measure
            finally:
                _end(child)


def _end(child: "subprocess.Popen[bytes]") -> None:
    """Close its standard input, which makes it exit; kill it if it does not."""
    try:
        child.communicate(timeout=EXIT_TIMEOUT)
    except subprocess.TimeoutExpired:
        child.kill()
        child.communicate()
