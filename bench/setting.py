"""The settings of every section: how long to measure, on which device, with which images."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.harness import Contender, Course, Progress, race


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """How a bench is to be run."""

    rounds: int
    quick: bool
    threads: int
    """CPU threads of a contender that may use all cores."""
    device: str
    """What is trained on: `cpu` or `cuda`."""
    data: Path | None
    """The folder that holds the real CIFAR-10; None where there is none."""
    progress: Progress

    def race(self, title: str, contenders: Sequence[Contender], rounds: int | None = None) -> Course:
        """The contenders' rounds."""
        return race(contenders, rounds or self.rounds, self.progress, title)

    def size(self, full: int, quick: int) -> int:
        """One of two sizes."""
        return quick if self.quick else full

    @property
    def images(self) -> str:
        """Which images are measured on, in words."""
        return "real CIFAR-10" if self.data else "random images of CIFAR-10's shape"
