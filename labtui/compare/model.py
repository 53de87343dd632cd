"""One row against one baseline: what was measured, what differs beyond the factor, and what may be said.

All values are frozen and turn into JSON as they are. Differences are row minus baseline, in the metric's unit.
"""

from enum import StrEnum

from msgspec import Struct

from labtui.compare.metrics import Metric
from labtui.text.numbers import DASH, ratio

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


__all__ = [
    "Budget",
    "Comparison",
    "Effect",
    "Factorial",
    "Finding",
    "Folded",
    "Grade",
    "ImageTest",
    "Interval",
    "Losses",
    "Need",
    "Published",
    "Row",
    "SeedValue",
    "Table",
    "Verdict",
]


class SeedValue(Struct, frozen=True, kw_only=True):
    """The metric of one run."""

    seed: int
    run: str
    """The run's id."""
    value: float


class Published(Struct, frozen=True, kw_only=True):
    """A published figure beside ours: the same tag, the same epoch."""

    tag: str
    value: float
    around: bool
    """Published in words only, as "around"."""
    epoch: int | None
    step: int | None
    """Where the figure lies on its curve: the epoch, or the minibatch point; None where that was not published."""
    ours: float | None
    """Mean over our seeds."""
    n: int
    expected: Interval | None
    """Where one more run of ours would lie in 95 of 100 cases; None below two seeds."""
    relative: str = ""
    """Time since the curve's first point, as published."""

    @property
    def difference(self) -> float | None:
        """Ours minus the published one."""
        return None if self.ours is None else self.ours - self.value


class Losses(Struct, frozen=True, kw_only=True):
    """Train and test loss as mean cross-entropy per image, whatever scale they were recorded on."""

    train: float | None
    test: float | None
    train_tag: str
    test_tag: str
    penalty: bool
    """Whether the train figure includes a penalty, which the test figure never does."""

    @property
    def gap(self) -> float | None:
        """Test over train minus one, where the two can be compared."""
        if self.train is None or self.test is None or self.penalty or not self.train > 0:
            return None
        return self.test / self.train - 1


class Budget(Struct, frozen=True, kw_only=True):
    """What a run costs: means over the row's runs."""

    epochs: float | None = None
    steps: float | None = None
    """Optimizer steps."""
    images_seen: float | None = None
    train_images: float | None = None
    """Samples of one epoch."""
    test_images: int | None = None
    """Plain test images."""
    seconds: float | None = None
    images_per_second: float | None = None
    parameters: int | None = None
    flops_per_image: int | None = None
    """Of one forward pass; a multiply-add counts two."""


class Folded(Struct, frozen=True, kw_only=True):
    """Another cell of the same experiment, kept under the row: an older definition, another device."""

    title: str
    why: str
    n: int
    mean: float | None
    sd: float | None


class Row(Struct, frozen=True, kw_only=True):
    """One cell, judged."""

    key: str
    name: str
    """As the command line knows it: `adam@0.01`."""
    title: str
    experiment: str
    data: str
    device: str
    overridden: bool
    """Whether its runs had settings of their own: `Dropout [epochs=1]`."""
    description: str
    conclusion: str
    """What the published report concluded."""
    factor: tuple[str, ...]
    values: tuple[SeedValue, ...]
    mean: float | None
    sd: float | None
    """Standard deviation over seeds (n - 1)."""
    noise: float | None
    """Standard error that the size of the test set puts on an accuracy, in points."""
    is_baseline: bool
    """Whether other rows are compared with it."""
    declared: Comparison | None
    """Against the baseline that the experiment names."""
    matched: Comparison | None
    """Against the baseline that differs in the factor alone, where the declared one differs in more."""
    cross_entropy: float | None
    """Mean over seeds of test/loss: per plain test image, in evaluation mode."""
    losses: Losses | None
    published: tuple[Published, ...]
    budget: Budget
    findings: tuple[Finding, ...]
    """About the row itself; those of its comparisons are with them."""
    classes: tuple[str, ...]
    """Names of the classes."""
    class_accuracy: tuple[float, ...]
    """Accuracy per class in percent, mean over the seeds; empty without predictions."""
    folded: tuple[Folded, ...]
    superseded: tuple[str, ...]
    unfinished: tuple[str, ...]

    @property
    def n(self) -> int:
        """Seeds."""
        return len(self.values)

    @property
    def comparison(self) -> Comparison | None:
        """The fair one: against the matched baseline where there is one, else the declared one."""
        return self.matched or self.declared

    @property
    def comparisons(self) -> tuple[Comparison, ...]:
        """The declared one first."""
        return tuple(one for one in (self.declared, self.matched) if one)

    @property
    def word(self) -> str:
        """The verdict in a word or two."""
        if not self.values:
            return "no finished run"
        if self.comparison is not None:
            return self.comparison.word
        return "baseline" if self.is_baseline else DASH

    @property
    def all_findings(self) -> tuple[Finding, ...]:
        """Of the row and of its comparisons, weightiest first, each text once."""
        found = [*(one for comparison in self.comparisons for one in comparison.findings), *self.findings]
        unique = {finding.text: finding for finding in reversed(found)}
        return tuple(sorted(unique.values(), key=lambda one: (_WEIGHTS[one.grade], found.index(one))))


class Effect(Struct, frozen=True, kw_only=True):
    """One contrast of a 2x2 experiment."""

    title: str
    delta: float
    interval: Interval
    """95%, for this contrast alone."""
    p: float


class Factorial(Struct, frozen=True, kw_only=True):
    """Two factors, alone and together: what each does on average, and whether they add up."""

    base: str
    first: str
    second: str
    both: str
    """Titles of the four rows."""
    effects: tuple[Effect, ...]
    """Main effect of the first, of the second, interaction; empty where the four cannot be put together."""
    method: str
    text: str
    """What it says in words, or why nothing can be said."""


class Table(Struct, frozen=True, kw_only=True):
    """A comparison: rows with everything that was found about them."""

    metric: Metric
    rows: tuple[Row, ...]
    factorials: tuple[Factorial, ...]
    judged: int
    """Comparisons that were judged together."""
    alpha: float
    test_images: int | None
    """Plain test images, where the rows agree on them."""
    notes: tuple[str, ...]

    def row(self, name: str) -> Row | None:
        """The first row of that name, title or key."""
        return next((row for row in self.rows if name in (row.name, row.title, row.key)), None)


_WEIGHTS = {grade: weight for weight, grade in enumerate(Grade)}
