"""A contender in a process of its own: its threads, allocator settings and imports touch nobody else's figures."""

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
"""The folder that holds bench and labtui."""

AS_ENGINE = {"GOMP_SPINCOUNT": SPIN_COUNT}
"""What labtui's launcher sets for its engine, apart from threads: how long an OpenMP thread spins before it sleeps."""

PATIENCE = 30.0
"""Seconds that a child process has to exit once it is asked to."""


class Broken(Exception):
    """A contender's process ended or said something else than a measurement."""


@dataclass(frozen=True, slots=True)
class Apart:
    """`make` names a function (`module:function`) that takes `settings` and returns a Round."""

    name: str
    make: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)

    @contextmanager
    def open(self) -> Iterator[Round]:
        """Start the process and have it make its round ready."""
        with tempfile.TemporaryFile() as errors:
            child = subprocess.Popen(
                [sys.executable, "-m", "bench.worker", self.make, json.dumps(dict(self.settings))],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=ROOT,
                env={**os.environ, **self.environment},
            )

            def answer() -> Any:
                assert child.stdout is not None
                line = child.stdout.readline()
                if not line:
                    errors.seek(0)
                    raise Broken(f"{self.name} ended.\n{errors.read()[-4_000:].decode(errors='replace')}")
                return json.loads(line)

            def play() -> Sample:
                assert child.stdin is not None
                child.stdin.write(b"round\n")
                child.stdin.flush()
                said = answer()
                return Sample(units=said["units"], seconds=said["seconds"])

            try:
                said = answer()
                if "skipped" in said:
                    raise Skipped(said["skipped"])
                yield play
            finally:
                _end(child)


def _end(child: "subprocess.Popen[bytes]") -> None:
    """Close its standard input, which ends it; kill it where that does not."""
    try:
        child.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        child.kill()
        child.communicate()
