"""The values that a comparison consists of: what the command line, the console, the report and `--json` show.

All of them are frozen. Differences are row minus baseline, in the metric's unit. The names of fields are keys of
`labtui compare --json`, as far as `field(name=…)` gives no other.
"""

from enum import StrEnum
from typing import Any, Literal

from msgspec import Struct, field

from labtui.compare.metrics import TableMetric
from labtui.text.numbers import DASH, ratio

Interval = tuple[float, float]

BUDGET_MARGIN = 0.05
"""Two budgets differ if one is more than this fraction larger."""

EVEN = 0.5
MEANINGFUL = 0.75
"""P(A > B) is meaningful if its interval lies above the first and reaches above the second."""


class Verdict(StrEnum):
    """What a comparison shows; docs/verdicts.md defines the words."""

    GAIN = "gain"
    LOSS = "loss"
    NO_DIFFERENCE = "no difference that matters"
    UNDECIDED = "undecided"
    GAIN_OF_FINISHED = "gain of those that finished"
    """It does not hold with the row's failed seeds counted in: nothing is claimed."""
    LOSS_TO_FINISHED = "loss to those that finished"
    """It does not hold with the baseline's failed seeds counted in: nothing is claimed."""
    NOT_JUDGED = "not judged"

    @property
    def is_claim(self) -> bool:
        """Whether something is claimed about the experiment."""
        return self in (Verdict.GAIN, Verdict.LOSS, Verdict.NO_DIFFERENCE)


class Severity(StrEnum):
    """How much a finding matters; the heaviest first."""

    CONFOUND = "confound"
    """It differs beyond the declared factor: the difference in the metric may come from it."""
    WARNING = "warning"
    """Something is wrong with a run, or a number does not mean what it seems to."""
    PUBLISHED = "published"
    """About the published figure, not about our runs."""
    BUDGET = "budget"
    """More or less work than the baseline, because of the factor."""
    NOTE = "note"
    """Useful for judging the row."""
    ENVIRONMENT = "environment"
    """Versions, commit, device: they change bits, but rarely figures."""


# --- What to do next ----------------------------------------------------------------------------------------------


class RunRequest(Struct, frozen=True, kw_only=True):
    """Runs to make: what `labtui run NAME… --seeds SEEDS`, or `--until decided`, with these overrides starts."""

    names: tuple[str, ...]
    seeds: tuple[int, ...]
    overrides: dict[str, Any]
    """By dotted key: `training.epochs`, `data.name`, `optimizer.lr`, …"""
    until: bool = False
    """Whether seeds are trained until the difference from the baseline is decided; there are no `seeds` then."""
    baseline: str | None = None
    """What such a plan compares with; None for the declared baseline."""


class Remedy(Struct, frozen=True, kw_only=True):
    """What to do about a finding."""

    text: str
    """What it is for, if there are runs: `matched baseline`; else all that there is to say."""
    runs: tuple[RunRequest, ...] = ()


class SeedsNeeded(Struct, frozen=True, kw_only=True):
    """How many seeds it would take to judge or to decide a row."""

    seeds: int | None
    """Total seeds per side that give 80% power even if the spread is as large as its upper 80% limit; None if more
    than 200 are needed, or there is no such number.
    """
    effect: float | None
    """The true difference that the plan assumes; None if there is no spread to plan with."""
    seconds: float | None
    """Training time of the missing seeds of both sides, from the times of past runs."""
    text: str
    keys: tuple[str, ...]
    """The cells that lack seeds."""
    runs: tuple[RunRequest, ...]
    """A plan that ends when it is decided, else the runs of all seeds of these cells; empty if neither can be made."""


# --- One row ------------------------------------------------------------------------------------------------------


class Finding(Struct, frozen=True, kw_only=True):
    """One remark about a row."""

    severity: Severity = field(name="grade")
    code: str
    """Names the kind of finding for programs: `data`, `test-set`, `dead-run`, …"""
    text: str
    key: str = ""
    """The key of the spec, if the finding is about one."""
    here: str = ""
    there: str = ""
    """The values of the row and of its baseline."""
    remedy: Remedy | None = None


class SeedValue(Struct, frozen=True, kw_only=True):
    """The metric of one run."""

    seed: int
    run: str
    """The run's id."""
    value: float


class SeedFailure(Struct, frozen=True, kw_only=True):
    """A seed that has no value because it failed: it stays in n."""

    seed: int
    run: str
    """The id of the run that failed."""
    failure: str
    """`diverged`, `NaN`, `never learned`, `crashed`, `no value`, `stopped`."""
    reached: float | None
    """The metric where it ended, if that is a finite number."""


class SeedCounts(Struct, frozen=True, kw_only=True):
    """How many seeds of a cell reached a value, and how many did not."""

    learned: int
    failed: int
    """They diverged, ended in NaN, never learned or crashed."""
    stopped: int = 0
    """A person stopped them: how they would have ended is not known."""

    @property
    def total(self) -> int:
        """All of them."""
        return self.learned + self.failed + self.stopped

    def __str__(self) -> str:
        return f"{self.learned} of {self.total}"


class ImageTest(Struct, frozen=True, kw_only=True):
    """Two trained networks on the same test images. It is about these two networks, not about the method."""

    seed: int
    images: int
    fixes: int
    """Images that the row's network classifies correctly and the baseline's does not."""
    breaks: int
    """The reverse."""
    p: float
    """Exact McNemar."""


class Look(Struct, frozen=True, kw_only=True):
    """How a comparison is shown, and what is known about earlier looks at it."""

    showing: str
    """Which interval it has: `fixed`, the usual one; `always valid`, for any number of looks; `plan`, its plan's;
    `withheld`, none."""
    number: int
    """Which look at these two recipes and this metric it is, from 1."""
    first_shown: float | None
    """When it was first shown with these seeds, in seconds since 1970; None if that is now."""
    missing: tuple[int, ...] = ()
    """Announced seeds that have not ended: nothing is judged before."""
    other_metrics: tuple[str, ...] = ()
    """By which the two recipes were compared before."""
    family: int = 0
    """Comparisons that were tried and share the chance of a false claim, whether they are shown or not."""
    shown: int = 0
    """How many of them the table shows."""
    plan: str = ""
    """The id of the plan that it belongs to; empty without one."""
    seeds: int | None = None
    """Seeds per side at the plan's newest look; None before the first."""
    cap: int | None = None
    """Seeds at which the plan ends."""
    row_seeds: tuple[int, ...] = ()
    baseline_seeds: tuple[int, ...] = ()
    values: str = ""
    """A digest of what became of these seeds, by which the ledger knows them again."""


class OtherImages(Struct, frozen=True, kw_only=True):
    """How far a difference of accuracies holds with other test images as well as other seeds."""

    interval: Interval | None
    """At the level of the comparison's own interval; None if it cannot be had."""
    images: int
    """Test images that it comes from."""
    why: str = ""
    """Why it cannot be had."""


class BorrowedSpread(Struct, frozen=True, kw_only=True):
    """The interval of a difference whose spread is borrowed from the other rows. It makes no verdict."""

    interval: Interval | None
    """At the level of the comparison's own interval, adjusted for all rows that lend to each other; None if nothing is
    borrowed.
    """
    rows: int
    """How many other rows lend."""
    why: str = ""
    """Why nothing is borrowed."""


class Superiority(Struct, frozen=True, kw_only=True):
    """How often a run of the row is better than a run of its baseline: P(A > B)."""

    probability: float
    interval: Interval
    """At the level of the comparison's own interval."""
    paired: bool
    """Whether it is about two runs with the same seed, or about any two runs."""

    @property
    def is_meaningful(self) -> bool:
        """Whether the interval lies above 0.5 and reaches above 0.75 (Bouthillier et al. 2021)."""
        return self.interval[0] > EVEN and self.interval[1] > MEANINGFUL


class Comparison(Struct, frozen=True, kw_only=True):
    """A row against one baseline."""

    against: str
    """The baseline's title."""
    against_name: str
    against_key: str
    matched: bool
    """Whether this is the matched baseline, used because the declared one is confounded."""
    delta: float | None
    method: str
    """`paired` over the seeds below, `partly paired` if others have no partner, or `welch`; empty below two seeds."""
    seeds: tuple[int, ...]
    """The seeds that were paired."""
    entered: str
    """Which seeds have no partner where others are paired; empty otherwise."""
    row_seeds: SeedCounts
    baseline_seeds: SeedCounts
    correlation: float | None
    """Of the two sides over their common seeds, if a seed means the same on both; None below three."""
    interval: Interval | None
    """95%, for this comparison alone."""
    p: float | None
    judged: bool
    """Whether it belongs to the family that is judged together."""
    adjusted: Interval | None
    """The interval at Holm's level: beyond 0 exactly if the verdict is gain or loss."""
    p_adjusted: float | None
    row_at_worst: Interval | None = None
    """The adjusted interval with the row's failed seeds at chance or the worst value seen; None where none failed."""
    baseline_at_worst: Interval | None = None
    """The same with the baseline's failed seeds, which only a claim in favour of the baseline must hold with."""
    success_p: float | None = None
    """Fisher's exact test of how many seeds learned on the two sides; None where no seed failed."""
    success_p_adjusted: float | None = None
    """After Holm, over all rows that have seeds on both sides."""
    sign_flip_p: float | None
    """Exact; None below six pairs."""
    smallest_effect: float | None
    verdict: Verdict
    why: str
    """Why it was not judged, in a word or two; or a remark on the verdict."""
    budget: float
    """Images seen, as a multiple of the baseline's."""
    findings: tuple[Finding, ...]
    need: SeedsNeeded | None
    images: ImageTest | None
    per_class: tuple[float, ...]
    """Difference of the accuracy per class in points, mean over the common seeds."""
    per_class_error: tuple[float, ...] = ()
    """Its standard error over the common seeds; empty below two."""
    look: Look | None = None
    other_images: OtherImages | None = None
    """None for a metric that is not an accuracy on the plain test images, and where there is no interval."""
    borrowed: BorrowedSpread | None = None
    """None where it does not apply: below two other rows with this baseline, or where seeds failed."""
    superiority: Superiority | None = None
    """None for a comparison that is not judged, and where seeds failed."""
    choosing_seeds: tuple[int, ...] = ()
    """The seeds that chose the row as the best of a grid: they are left out, of both sides."""

    @property
    def confounds(self) -> tuple[Finding, ...]:
        """What differs beyond the declared factor."""
        return tuple(finding for finding in self.findings if finding.severity is Severity.CONFOUND)

    @property
    def shown_interval(self) -> Interval | None:
        """The adjusted interval of a judged comparison, else the plain one."""
        return self.adjusted if self.judged else self.interval

    @property
    def label(self) -> str:
        """The verdict in a word or two, with the budget if it is not the baseline's; or why there is none."""
        if self.verdict is Verdict.NOT_JUDGED:
            return self.why or self.verdict.value
        words = {
            Verdict.GAIN_OF_FINISHED: f"gain, finished seeds only ({self.finished})",
            Verdict.LOSS_TO_FINISHED: f"loss, finished baseline seeds only ({self.finished})",
        }
        return self._with_budget(words.get(self.verdict, self.verdict.value))

    @property
    def label_for_programs(self) -> str:
        """The label in JSON, where `verdict` has the words that 0.1.0 wrote."""
        if not self.finished:
            return self.label
        return self._with_budget(f"{self.verdict.value}: {self.finished}")

    @property
    def brief_label(self) -> str:
        """The label for a narrow table."""
        short = {
            Verdict.NO_DIFFERENCE: "no difference",
            Verdict.GAIN_OF_FINISHED: f"gain of {self.finished}",
            Verdict.LOSS_TO_FINISHED: f"loss to {self.finished}",
        }.get(self.verdict)
        return self._with_budget(short) if short else self.label

    @property
    def finished(self) -> str:
        """`2 of 5`: the seeds that a verdict is about which claims nothing, as failed seeds do not bear it out."""
        counts = {Verdict.GAIN_OF_FINISHED: self.row_seeds, Verdict.LOSS_TO_FINISHED: self.baseline_seeds}
        return str(counts.get(self.verdict, ""))

    def _with_budget(self, text: str) -> str:
        return f"{text}, budget {ratio(self.budget)}" if abs(self.budget - 1) > BUDGET_MARGIN else text


class PublishedFigure(Struct, frozen=True, kw_only=True):
    """A published figure and ours, at the same tag and epoch."""

    tag: str
    value: float
    around: bool
    """Whether it was published in words only, as "around"."""
    epoch: int | None
    step: int | None
    """Where the figure lies on its curve: the epoch, or the minibatch point; None if that was not published."""
    ours: float | None
    """Mean over our seeds."""
    n: int
    expected: Interval | None
    """Where one more run of ours would lie in 95 of 100 cases; None below two seeds."""
    relative: str = ""
    """Time since the curve's first point, as published."""

    @property
    def difference(self) -> float | None:
        """Our value minus the published one."""
        return None if self.ours is None else self.ours - self.value


class Losses(Struct, frozen=True, kw_only=True):
    """Train and test loss as cross-entropy, whatever scale they were recorded on.

    They are means over batches: a smaller last batch weighs as much as a full one, which can be up to 3% off the mean
    per image.
    """

    train: float | None
    test: float | None
    train_tag: str
    test_tag: str
    penalty: bool
    """Whether the train loss includes a penalty; the test loss never does."""

    @property
    def gap(self) -> float | None:
        """Test over train minus one; None if the two cannot be compared."""
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
    """Of one forward pass; a multiply-add counts as two."""


class FoldedCell(Struct, frozen=True, kw_only=True):
    """Another cell of the same experiment, shown under the row: an older definition, another device."""

    title: str
    why: str
    n: int
    failed: int
    mean: float | None
    sd: float | None

    @property
    def seeds_text(self) -> str:
        """`5`; `2/5` if three of five seeds failed."""
        return f"{self.n}/{self.n + self.failed}" if self.failed else str(self.n)


class ComparisonRow(Struct, frozen=True, kw_only=True):
    """One cell with its values, its comparisons and all findings about it."""

    key: str
    name: str
    """Its name on the command line: `adam@0.01`."""
    title: str
    experiment: str
    data: str
    device: str
    overridden: bool
    """Whether its runs have overrides: `Dropout [epochs=1]`."""
    description: str
    conclusion: str
    """What the published report concluded."""
    factor: tuple[str, ...]
    values: tuple[SeedValue, ...]
    failures: tuple[SeedFailure, ...]
    mean: float | None
    """Over the seeds that learned."""
    sd: float | None
    """Standard deviation over seeds (n - 1)."""
    noise: float | None
    """Standard error of an accuracy, in points, due to the size of the test set."""
    is_baseline: bool
    """Whether other rows are compared with it."""
    declared: Comparison | None
    """Against the baseline that the experiment declares."""
    matched: Comparison | None
    """Against the baseline that differs in the factor alone, if the declared one differs in more."""
    cross_entropy: float | None
    """Mean over seeds of test/loss: per plain test image, in evaluation mode."""
    losses: Losses | None
    published: tuple[PublishedFigure, ...]
    budget: Budget
    findings: tuple[Finding, ...]
    """About the row itself; those about its comparisons are in them."""
    classes: tuple[str, ...]
    """Names of the classes."""
    class_accuracy: tuple[float, ...]
    """Accuracy per class in percent, mean over the seeds; empty without predictions."""
    folded: tuple[FoldedCell, ...]
    superseded: tuple[str, ...]
    unfinished: tuple[str, ...]
    class_error: tuple[float, ...] = ()
    """Standard error over seeds of the accuracy per class, in points; empty below two seeds."""
    class_seeds: int = 0
    """Seeds with predictions: those that the accuracy per class is a mean of."""
    again: tuple[RunRequest, ...] = ()
    """What trains the row's seeds once more, failed ones included."""
    short_of: str = ""
    """Why it has no values at the table's equal budget; empty if it has."""

    @property
    def n(self) -> int:
        """Number of seeds that reached a value."""
        return len(self.values)

    @property
    def seeds_text(self) -> str:
        """`5`; `2/5` if three of five seeds failed."""
        return f"{self.n}/{self.n + len(self.failures)}" if self.failures else str(self.n)

    @property
    def comparison(self) -> Comparison | None:
        """The fair comparison: against the matched baseline if there is one, else against the declared one."""
        return self.matched or self.declared

    @property
    def comparisons(self) -> tuple[Comparison, ...]:
        """All comparisons, the declared one first."""
        return tuple(comparison for comparison in (self.declared, self.matched) if comparison)

    @property
    def label(self) -> str:
        """The verdict in a word or two."""
        if self.short_of:
            return self.short_of
        if not self.values and not self.failures:
            return "no finished run"
        if not self.values:
            return f"0 of {len(self.failures)} learned"
        if self.comparison is not None:
            return self.comparison.label
        return "baseline" if self.is_baseline else DASH

    @property
    def all_findings(self) -> tuple[Finding, ...]:
        """Findings about the row and its comparisons, the most severe first, each text once."""
        findings = [*(finding for comparison in self.comparisons for finding in comparison.findings), *self.findings]
        unique = {finding.text: finding for finding in reversed(findings)}
        ranks = {severity: rank for rank, severity in enumerate(Severity)}
        return tuple(sorted(unique.values(), key=lambda finding: (ranks[finding.severity], findings.index(finding))))

    @property
    def next_runs(self) -> tuple[RunRequest, ...]:
        """The runs that lead to a verdict: of the missing matched baseline, else of more seeds; empty if none do."""
        matches = [finding.remedy for finding in self.all_findings if finding.code == "unmatched" and finding.remedy]
        needs = [comparison.need for comparison in self.comparisons if comparison.need]
        proposals = [*(remedy.runs for remedy in matches), *(need.runs for need in needs)]
        return next(filter(None, proposals), ())


# --- The whole table ----------------------------------------------------------------------------------------------


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
    """Main effect of the first, of the second, interaction; empty if the four rows are not comparable."""
    method: str
    text: str
    """The result in words, or why there is none."""


class SearchBudget(Struct, frozen=True, kw_only=True):
    """What a search over the values of one key would be expected to reach with fewer of them."""

    experiment: str
    data: str
    key: str
    """What was searched: `optimizer.lr`."""
    values: tuple[float, ...]
    """Those tried, in ascending order."""
    means: tuple[float | None, ...]
    """The metric at each value, mean over seeds; None where all seeds failed."""
    expected: tuple[float, ...]
    """The expected best of 1, 2, … of the values, drawn at random with replacement (Dodge et al. 2019)."""
    seconds: float | None
    """Training time of one run, mean over the values."""


BudgetUnit = Literal["epochs", "steps", "images", "seconds"]


class EqualBudget(Struct, frozen=True, kw_only=True):
    """The budget at which every run of a table is read."""

    unit: BudgetUnit
    value: float | None = None
    """None for the largest that all runs reached."""
    given: bool = False
    """Whether the value was asked for."""


class ComparisonTable(Struct, frozen=True, kw_only=True):
    """A comparison: rows with everything that is known about them."""

    metric: TableMetric
    rows: tuple[ComparisonRow, ...]
    factorials: tuple[Factorial, ...]
    judged: int
    """Number of comparisons that were judged together."""
    alpha: float
    test_images: int | None
    """Number of plain test images."""
    notes: tuple[str, ...]
    family: int = 0
    """Comparisons that were tried and judged together, those that are not shown included."""
    not_shown: tuple[tuple[str, str], ...] = ()
    """The comparisons that it was judged with and does not show: keys of row and baseline."""
    looking: tuple[str, ...] = ()
    """Remarks about looks: what is not shown yet, and where looks are recorded."""
    searches: tuple[SearchBudget, ...] = ()
    """Every set of three or more cells that differ in one number."""
    equal_budget: EqualBudget | None = None
    """The budget at which every run is read; None if each is read at its end."""

    def row(self, name: str) -> ComparisonRow | None:
        """The first row with that name, title or key."""
        return next((row for row in self.rows if name in (row.name, row.title, row.key)), None)
