"""A run as it was at one moment."""

from dataclasses import dataclass, replace
from pathlib import Path

from labtui.spec import ProgramSpec, Spec
from labtui.store.hyperparameters import NO_HYPERPARAMETERS, Hyperparameters
from labtui.store.paths import RunPaths
from labtui.store.records import AnySpecFile, Beat, Exit, Launch, Result, SpecFile
from labtui.store.state import State
from labtui.text.clean import clean_line


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A frozen snapshot of a run folder; the store returns a newer one when asked again."""

    id: str
    """The folder relative to the runs root, posix, cleaned; `.` for the root itself."""
    folder: Path
    state: State
    reason: str
    """For people, beside the state; often empty."""
    modified: float
    """When the newest of the files that were read changed, in seconds since the epoch by the disk's clock."""
    spec_file: AnySpecFile | None = None
    """None for a foreign run, and if spec.json is damaged."""
    damage: str = ""
    """What in the folder cannot be read, or must not be changed, and why; empty if there is nothing."""
    attempt: int = 0
    """The number of the highest attempt, from 1; 0 if none was claimed."""
    launch: Launch | None = None
    beat: Beat | None = None
    """Of the highest attempt only."""
    exit: Exit | None = None
    result: Result | None = None
    """Of the highest attempt only."""
    stop_requested: bool = False
    queued: bool = False
    """Whether an entry of the queue waits to start the next attempt."""
    foreign: bool = False
    """Made by another tool."""
    below: tuple[str, ...] = ()
    """The folders in a foreign run's own that hold more of its event files."""
    hyperparameters: Hyperparameters = NO_HYPERPARAMETERS
    """What a foreign run says about itself."""
    read_only: bool = False
    """Foreign, behind a link, or created by a newer version of labtui: it can be neither resumed nor removed."""
    tags: tuple[str, ...] = ()
    """The words that users tagged it with, in the order in which they were added."""
    undrawn: str = ""
    """What its event files hold that labtui does not draw, as `14 images, 3 histograms`; known once they were read."""
    linked_to: str = ""
    """Where its folder really is, cleaned, if it is not below the runs folder: then nothing is written there, and no
    process gets a signal. Empty for a folder below the root."""

    def with_damage(self, found: tuple[str, ...]) -> "Run":
        """The run with what is wrong with its event files added to its damage."""
        return replace(self, damage="; ".join(filter(None, (self.damage, *found)))) if found else self

    def with_files_read(self, damage: tuple[str, ...], undrawn: str) -> "Run":
        """The run with what was found in its event files."""
        run = self.with_damage(damage)
        return replace(run, undrawn=undrawn) if undrawn else run

    @property
    def behind_link(self) -> str:
        """Why a run behind a link, or in another runs folder that is shown too, is left alone; empty for any other."""
        return f"it lies outside of this runs folder, in {self.linked_to}, and is only read" if self.linked_to else ""

    @property
    def has_own_tags(self) -> bool:
        """Whether labtui's engine wrote its metrics: the tags of programs and other tools mean nothing of ours."""
        return not self.foreign and not isinstance(self.spec, ProgramSpec)

    @property
    def continues(self) -> str:
        """The `run_id` of the finished run whose checkpoint it started from; empty for any other run."""
        return clean_line(self.spec_file.continues or "") if isinstance(self.spec_file, SpecFile) else ""

    @property
    def keeps_best(self) -> bool:
        """Whether it keeps the checkpoint of its best epoch."""
        return isinstance(self.spec_file, SpecFile) and bool(self.spec_file.keep_best)

    @property
    def is_pending(self) -> bool:
        """Whether it is queued, to start or to resume, or has not ended."""
        return self.queued or self.state.is_active

    @property
    def why(self) -> str:
        """Everything to show beside the state: the reason, the engine's warning, the damage."""
        warning = self.beat.warning if self.beat and self.state.is_active else ""
        return "; ".join(part for part in (self.reason, warning, self.damage) if part)

    @property
    def paths(self) -> RunPaths:
        """The run's files."""
        return RunPaths(self.folder)

    @property
    def spec(self) -> Spec | None:
        """What runs; None for foreign and damaged runs."""
        return self.spec_file.spec if self.spec_file else None

    @property
    def name(self) -> str:
        """`adam@0.01`; the id if no spec is known."""
        return clean_line(self.spec.name) if self.spec else self.id

    @property
    def title(self) -> str:
        """`Dropout`; for runs without a spec the last part of the id."""
        return self.spec.title if self.spec else self.id.rpartition("/")[2]

    @property
    def display_title(self) -> str:
        """The title with the overrides, if there are any: `Dropout [epochs=1]`."""
        return clean_line(self.spec.display_title) if self.spec else self.title

    @property
    def group(self) -> str:
        """`Cifar`; for runs without a spec the folders above it."""
        return self.spec.group if self.spec else self.id.rpartition("/")[0]

    @property
    def seed(self) -> int | None:
        """The seed; None if no spec is known."""
        return self.spec.seed if self.spec else None

    @property
    def created(self) -> float:
        """When the run was created, in seconds since the epoch; for runs without a spec, when they last changed."""
        return self.spec_file.created if self.spec_file else self.modified
