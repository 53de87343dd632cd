"""A comparison of runs that stopped early says which epochs were tested, and what chose them."""

from labtui.compare.cells import cells
from labtui.compare.findings.confounds import confounds
from labtui.compare.metrics import metric
from labtui.spec import EarlyStopping, Training
from labtui.store.run import Run
from tests.support.comparisons import codes, judged, row, run, runs_of, said, spec, variant

EARLY = spec(
    "early", "Early", protocol="standard", training=Training(epochs=50, early_stopping=EarlyStopping(patience=3))
)
FULL = spec(protocol="standard", training=Training(epochs=50))


def early(seed: int, accuracy: float, epoch: int) -> Run:
    """A run whose result says that it tested this epoch."""
    return run(EARLY, seed, {"test/accuracy": accuracy}, facts={"tested_epoch": epoch})


def test_the_tested_epochs_and_what_chose_them_are_told() -> None:
    runs = [*runs_of(FULL, [60, 61, 62]), early(0, 63, 12), early(1, 64, 9), early(2, 65, 21)]
    table = judged(runs, [variant(FULL), variant(EARLY)])
    assert said(row(table, "early"), "selected-epoch") == (
        "test/accuracy is that of the epoch with the best val/loss: 12 (seed 0), 9 (seed 1), 21 (seed 2); "
        "it was chosen on images held out, not on the test set"
    )
    assert "selected-epoch" not in codes(row(table, "network").all_findings)


def test_stopping_early_is_a_confound_unless_it_is_the_factor() -> None:
    here, there = cells([early(0, 63, 12)])[0], cells(runs_of(FULL, [60]))[0]
    keys = {finding.key for finding in confounds(here, there, ("optimizer.lr",), metric("test/accuracy"))}
    assert keys == {"training.early_stopping"}
    assert list(confounds(here, there, ("training.early_stopping",), metric("test/accuracy"))) == []


def test_the_metrics_line_does_not_claim_the_last_epoch_for_all() -> None:
    late = judged(runs_of(FULL, [60, 61]), [variant(FULL)])
    selected = judged([*runs_of(FULL, [60, 61]), early(0, 63, 12)], [variant(FULL), variant(EARLY)])
    assert late.metric.selection.startswith("last epoch; ")
    assert selected.metric.selection.startswith(
        "last epoch, or the best one on images held out (training.early_stopping); "
    )
