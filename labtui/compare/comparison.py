"""One row against one baseline: what was measured, what differs beyond the factor, and what may be said.

All values are frozen and turn into JSON as they are. Differences are row minus baseline, in the metric's unit.
"""

from enum import StrEnum

from msgspec import Struct

from labtui.compare.notation import ratio

Interval = tuple[float, float]

BUDGET_MARGIN = 0.05
"""Less than this is no difference of budget."""


class Verdict(StrEnum):
    """What a comparison shows; docs/verdicts.md says where each word ends."""

    GAIN = "gain"
    LOSS = "loss"
    NO_DIFFERENCE = "no difference that matters"
    UNDECIDED = "undecided"
    NOT_JUDGED = "not judged"

    @property
    def is_claim(self) -> bool:
        """Whether something is claimed about the experiment."""
        return self in (Verdict.GAIN, Verdict.LOSS, Verdict.NO_DIFFERENCE)


class Grade(StrEnum):
    """How a finding weighs."""

    CONFOUND = "confound"
    """It differs beyond the declared factor: the difference in the metric may come from it."""
    WARNING = "warning"
    """Something is wrong with a run, or a number does not mean what it seems to."""
    PUBLISHED = "published"
    """About the published figure, not about our runs."""
    BUDGET = "budget"
    """More or less work, as it follows from the factor."""
    NOTE = "note"
    """Good to know when judging."""
    ENVIRONMENT = "environment"
    """Versions, commit, device: they change bits, hardly figures."""


class Finding(Struct, frozen=True, kw_only=True):
    """One line about a row."""

    grade: Grade
    code: str
    """What was found, for programs: `data`, `test-set`, `dead-run`, …"""
    text: str
    key: str = ""
    """Of the spec, where it is about one."""
    here: str = ""
    there: str = ""
    """The values of the row and of its baseline."""
    mend: str = ""
    """What to do next: a command where there is one."""


class Need(Struct, frozen=True, kw_only=True):
    """What it would take to decide a row."""

    seeds: int | None
    """Seeds per side in all; None where more than 200 would not do."""
    effect: float | None
    """The true difference that the plan takes for granted; None where there is no spread to plan with."""
    seconds: float | None
    """Training time of the seeds still missing, on both sides, by past runs."""
    text: str
    keys: tuple[str, ...]
    """The cells that lack seeds."""
    command: str


class ImageTest(Struct, frozen=True, kw_only=True):
    """Two trained networks on the same test images. It speaks of these two, not of the method."""

    seed: int
    images: int
    fixes: int
    """Images that the row's network gets right and the baseline's wrong."""
    breaks: int
    p: float
    """Exact McNemar."""


class Comparison(Struct, frozen=True, kw_only=True):
    """A row against one baseline."""

    against: str
    """The baseline's title."""
    against_name: str
    against_key: str
    matched: bool
    """Whether this baseline was looked up because the declared one is confounded."""
    delta: float | None
    method: str
    """`paired` over the seeds below, or `welch`; empty below two seeds."""
    seeds: tuple[int, ...]
    """The seeds that were paired."""
    interval: Interval | None
    """95%, for this comparison alone."""
    p: float | None
    judged: bool
    """Whether it belongs to the family that is judged together."""
    adjusted: Interval | None
    """The interval at Holm's level: beyond 0 exactly where the verdict is gain or loss."""
    p_adjusted: float | None
    sign_flip_p: float | None
    """Exact, from six pairs on."""
    smallest_effect: float | None
    verdict: Verdict
    why: str
    """Why it was not judged, in a word or two; or what to add to the verdict."""
    budget: float
    """Images seen, as a multiple of the baseline's."""
    findings: tuple[Finding, ...]
    need: Need | None
    images: ImageTest | None
    per_class: tuple[float, ...]
    """Difference of the accuracy per class, in points, mean over the common seeds."""

    @property
    def confounds(self) -> tuple[Finding, ...]:
        """What differs beyond the declared factor."""
        return tuple(finding for finding in self.findings if finding.grade is Grade.CONFOUND)

    @property
    def shown_interval(self) -> Interval | None:
        """The adjusted interval where the comparison is judged, else its own."""
        return self.adjusted or self.interval

    @property
    def word(self) -> str:
        """The verdict in a word or two: why there is none, or at which multiple of the baseline's budget."""
        if self.verdict is Verdict.NOT_JUDGED:
            return self.why or self.verdict.value
        unequal = abs(self.budget - 1) > BUDGET_MARGIN
        return f"{self.verdict.value}, budget {ratio(self.budget)}" if unequal else self.verdict.value
