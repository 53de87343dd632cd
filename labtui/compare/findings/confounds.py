"""What differs between a row and its baseline beyond the declared factor: confounds, budget, environment."""

from collections.abc import Iterable
from typing import Literal

from labtui.compare.cells import Cell, budget, plain_train_images, report_test_images, run_requests, train_samples
from labtui.compare.metrics import REPORT_LOSSES, TRAIN_LOSSES, TableMetric
from labtui.compare.model import BUDGET_MARGIN, Finding, Remedy, Severity
from labtui.compare.spec_diff import Change, undeclared
from labtui.spec import Cnn
from labtui.store import tags
from labtui.text import numbers
from labtui.text.clean import clean_line
from labtui.text.words import value_text

_TEST_BATCH_SIZE = "training.test_batch_size"
"""It changes the scale of the report's test loss and nothing else."""


MOST_KEYS = 10
"""Hyperparameters of another tool's runs that are named one by one."""

_FEW = 5


def confounds(here: Cell, there: Cell, factor: tuple[str, ...], metric: TableMetric) -> tuple[Finding, ...]:
    """What differs beyond the factor and may explain the difference of a metric: recipe, test images, scale."""
    return (
        *_recipe(here, there, factor, metric),
        *_images(here, there),
        *unlike(here, there, metric),
        *loss_scale(here, there, metric),
    )


def _confound(code: str, text: str, key: str, *, here: str = "", there: str = "", advice: str = "") -> Finding:
    remedy = Remedy(text=advice) if advice else None
    return Finding(severity=Severity.CONFOUND, code=code, text=text, key=key, here=here, there=there, remedy=remedy)


def _recipe(here: Cell, there: Cell, factor: tuple[str, ...], metric: TableMetric) -> Iterable[Finding]:
    found = undeclared(here.spec, there.spec, factor)
    most = MOST_KEYS if here.spec.is_foreign and len(found) > MOST_KEYS + 1 else len(found)
    if len(found) > most:
        keys = ", ".join(change.key for change in found[most : most + _FEW])
        more = f"{len(found) - most:,} more hyperparameters differ from {there.title}: {keys}, …"
        yield _confound("param", more, f"{len(found) - most} more")
    for change in found[:most]:
        if change.key == "data.name" or (change.key == _TEST_BATCH_SIZE and metric.tag != tags.REPORT_TEST_LOSS):
            continue
        yield _confound(
            change.key.partition(".")[0],
            change.text(there.title) + _training_images(change, here, there),
            change.key,
            here=value_text(change.here),
            there=value_text(change.there),
        )


def _training_images(change: Change, here: Cell, there: Cell) -> str:
    if change.key != "data.train_fraction":
        return ""
    theirs, ours = plain_train_images(there), plain_train_images(here)
    return f" ({theirs:,} and {ours:,} training images)" if ours and theirs else ""


def _images(here: Cell, there: Cell) -> Iterable[Finding]:
    """Another data set is another test set, even if the data set is the declared factor."""
    ours, theirs = data_fingerprints(here), data_fingerprints(there)
    if here.spec.dataset != there.spec.dataset:
        names = clean_line(there.spec.dataset, 60), clean_line(here.spec.dataset, 60)
        text = f"other test images: {names[0]} in {there.title}, {names[1]} here"
        yield _confound("test-set", text, "data.name", here=names[1], there=names[0])
    elif ours and theirs and ours != theirs:
        here_print, there_print = _joined(ours), _joined(theirs)
        text = f"other images with the same name: data fingerprint {there_print} in {there.title}, {here_print} here"
        yield _confound("test-set", text, "data_fingerprint", here=here_print, there=there_print)


def loss_scale(here: Cell, there: Cell, metric: TableMetric) -> Iterable[Finding]:
    """Why a loss is on another scale: a penalty on one side, another batch size."""
    specs = [cell.engine_spec for cell in (here, there) if cell.engine_spec]
    if len(specs) < 2:
        return
    penalties = tuple(
        f"{spec.penalty.norm} penalty of weight {spec.penalty.weight:g}" if spec.penalty else "no penalty"
        for spec in specs
    )
    if metric.tag in TRAIN_LOSSES and penalties[0] != penalties[1]:
        text = f"{metric.tag} includes the penalty: {penalties[1]} in {there.title}, {penalties[0]} here"
        advice = "compare by test/loss: cross-entropy alone"
        yield _confound("loss-scale", text, "penalty", here=penalties[0], there=penalties[1], advice=advice)
    if metric.tag in REPORT_LOSSES:
        key = "batch_size" if metric.tag == tags.REPORT_TRAIN_LOSS else "test_batch_size"
        ours, theirs = getattr(specs[0].training, key), getattr(specs[1].training, key)
        if ours != theirs:
            text = f"{metric.tag} depends on the batch size: {theirs} in {there.title}, {ours} here: the scales differ"
            yield _confound("loss-scale", text, f"training.{key}", here=str(ours), there=str(theirs))


def budget_findings(here: Cell, there: Cell, factor: tuple[str, ...], *, fair: bool) -> tuple[Finding, ...]:
    """More or less work than the baseline. `fair`: only the factor differs, so a run with equal steps is proposed."""
    ours, theirs = budget(here), budget(there)
    if here.engine_spec is None and there.engine_spec is None:
        return _steps_finding(ours.steps, theirs.steps, there)
    if not (ours.images_seen and theirs.images_seen and ours.steps and theirs.steps):
        return ()
    images, steps = ours.images_seen / theirs.images_seen, ours.steps / theirs.steps
    if max(abs(images - 1), abs(steps - 1)) <= BUDGET_MARGIN:
        return ()
    seen = f"{numbers.count(ours.images_seen)} against {numbers.count(theirs.images_seen)} in {there.title}"
    parts = [f"images seen {numbers.ratio(images)} ({seen})", f"steps {numbers.ratio(steps)}"]
    if ours.seconds and theirs.seconds and here.place == there.place:
        parts.append(f"seconds {numbers.ratio(ours.seconds / theirs.seconds)}")
    text = ", ".join(parts) + (f": follows from {', '.join(factor)}" if fair and factor else "")
    return (
        Finding(
            severity=Severity.BUDGET,
            code="budget",
            text=text,
            key="images_seen",
            here=numbers.count(ours.images_seen),
            there=numbers.count(theirs.images_seen),
            remedy=_same_steps(here, there) if fair else None,
        ),
    )


def _steps_finding(ours: float | None, theirs: float | None, there: Cell) -> tuple[Finding, ...]:
    """Of programs only the steps are known."""
    if not (ours and theirs) or abs(ours / theirs - 1) <= BUDGET_MARGIN:
        return ()
    seen = numbers.count(ours), numbers.count(theirs)
    text = f"steps {numbers.ratio(ours / theirs)} ({seen[0]} against {seen[1]} in {there.title})"
    return (Finding(severity=Severity.BUDGET, code="budget", text=text, key="steps", here=seen[0], there=seen[1]),)


def images_ratio(here: Cell, there: Cell) -> float:
    """Images that a run sees, as a multiple of the baseline's; 1 if that is not known."""
    ours, theirs = budget(here).images_seen, budget(there).images_seen
    return ours / theirs if ours and theirs else 1.0


def _same_steps(here: Cell, there: Cell) -> Remedy | None:
    """The runs that train the baseline for as many steps, in whole epochs."""
    ours, theirs = budget(here), budget(there)
    if not (ours.steps and theirs.steps and theirs.epochs) or ours.steps <= theirs.steps:
        return None
    epochs = round(theirs.epochs * ours.steps / theirs.steps)
    return Remedy(text="same steps", runs=run_requests([there], here.seeds, {"training.epochs": epochs}))


def environment_findings(here: Cell, there: Cell) -> Iterable[Finding]:
    """Device, versions, commit: what may change the last bits."""
    ours, theirs = run_environment(here), run_environment(there)
    for key in [*ours, *(key for key in theirs if key not in ours)]:
        here_text, there_text = _joined(ours.get(key, set())), _joined(theirs.get(key, set()))
        if here_text and there_text and here_text != there_text:
            text = f"{key}: {there_text} in {there.title}, {here_text} here"
            yield Finding(
                severity=Severity.ENVIRONMENT, code="environment", text=text, key=key, here=here_text, there=there_text
            )


def run_environment(cell: Cell) -> dict[str, set[str]]:
    """Device, threads, versions and commit of a cell's runs: all values of each."""
    environment: dict[str, set[str]] = {}
    for run in cell.runs:
        if run.launch is None:
            continue
        values = {
            "device": run.launch.device_name or cell.device,
            "threads": str(run.launch.threads) if cell.threads else "",
            "python": run.launch.python,
            "commit": (run.launch.commit or "")[:12]
            + ("-dirty" if (run.launch.commit or "").endswith("-dirty") else ""),
            **run.launch.versions,
        }
        for key, value in values.items():
            if value:
                environment.setdefault(clean_line(key, 40), set()).add(clean_line(value, 60))
    return environment


def data_fingerprints(cell: Cell) -> set[str]:
    """What identifies the images that the runs of a cell were trained and tested on."""
    prints = (run.spec_file.data_fingerprint for run in cell.runs if run.spec_file)
    return {clean_line(fingerprint, 16) for fingerprint in prints if fingerprint}


def _joined(values: set[str]) -> str:
    return ", ".join(sorted(values))


Part = Literal["train", "test"]


def unlike(here: Cell, there: Cell, metric: TableMetric) -> Iterable[Finding]:
    """Why two values of one metric are not comparable: other images, or dropout active on one side only.

    Values on the plain test images always are: these are the same for every run on a data set.
    """
    part: Part | None = "test" if metric.is_report_test else "train" if metric.is_train else None
    if part is None:
        return
    if _kind(here, part) != _kind(there, part):
        ours, theirs = image_set_text(here, part), image_set_text(there, part)
        text = f"{metric.tag} is not measured on the same images: {theirs} in {there.title}, {ours} here"
        advice = "compare by test/accuracy: the plain test images, the same for every row"
        yield _confound(f"{part}-set", text, "data.augment", here=ours, there=theirs, advice=advice)
    if has_active_dropout(here, part) != has_active_dropout(there, part):
        where = "here" if has_active_dropout(here, part) else f"in {there.title}"
        why = ": the original lab report never calls model.eval()" if part == "test" else ""
        text = f"{metric.tag} is measured with dropout active {where} only{why}"
        advice = "compare by test/accuracy: it is measured in evaluation mode"
        yield _confound("eval-mode", text, "model.dropout", advice=advice)


def same_test_images(here: Cell, there: Cell) -> bool:
    """Whether the report's test figures of two cells are measured on the same images."""
    return _kind(here, "test") == _kind(there, "test")


def image_set_text(cell: Cell, part: Part) -> str:
    """`10,000 plain`, `20,000, half of them with random transforms`; without numbers if no run has finished."""
    images = report_test_images(cell) if part == "test" else train_samples(cell)
    share = {"append": "half", "replace": "all"}.get(_mode(cell, part))
    if share:
        return f"{images:,}, {share} of them with random transforms" if images else f"{share} with random transforms"
    return f"{images:,} plain" if images else "plain"


def has_active_dropout(cell: Cell, part: Part) -> bool:
    """Whether dropout is active while the metric is measured: always in training; in tests under `report`."""
    spec = cell.engine_spec
    active = spec is not None and isinstance(spec.model, Cnn) and any(spec.model.dropout)
    return active and (part == "train" or (spec is not None and spec.protocol == "report"))


def _kind(cell: Cell, part: Part) -> tuple[object, ...]:
    if cell.engine_spec is None:
        return ()
    data = cell.engine_spec.data
    augment = data.augment.transforms if data.augment and _mode(cell, part) else ()
    return _mode(cell, part), augment, data.train_fraction if part == "train" else 1.0


def _mode(cell: Cell, part: Part) -> str:
    """How augmented images are used in the training or in the report's test: `append`, `replace`, or empty."""
    spec = cell.engine_spec
    augment = spec.data.augment if spec else None
    if spec is None or augment is None or (part == "test" and not (augment.test and spec.protocol == "report")):
        return ""
    return augment.mode
