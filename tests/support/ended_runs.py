"""Runs on disk that have ended as a test wants it, without any training."""

import msgspec

from labtui.api import Lab
from labtui.api.comparison import variants
from labtui.store import tags
from labtui.store.files import write_json
from labtui.store.records import Exit, LastValue, Outcome
from labtui.store.run import Run
from tests.support.samples import gone_process, make_launch, make_result


def write_ended(
    lab: Lab,
    name: str,
    seed: int,
    accuracy: float | None = None,
    *,
    outcome: Outcome = "finished",
    reason: str = "",
    exit_code: int = 0,
) -> Run:
    """A run of an experiment or member on its preferred data set that ended with this test accuracy."""
    spec = next(variant.spec for variant in variants(lab) if variant.spec.name == name)
    run = lab.store.create(msgspec.structs.replace(spec, seed=seed), planned_steps=100)
    attempt = run.paths.attempt(1)
    attempt.stop_request.parent.mkdir(parents=True)
    write_json(attempt.launch, make_launch(parent=gone_process(), engine=gone_process()), durable=False)
    last = {} if accuracy is None else {tags.TEST_ACCURACY: LastValue(step=10, value=accuracy)}
    result = make_result(
        outcome=outcome, reason=reason, last=last, epochs=10, steps=100, train_images=50_000, test_images=10_000
    )
    write_json(run.paths.result, result, durable=False)
    write_json(attempt.exit, Exit(code=exit_code, ended=1.0), durable=False)
    return lab.store.get(run.id)


def write_seeds(lab: Lab, name: str, *accuracies: float) -> None:
    """A finished run per accuracy, seeds 0, 1, …."""
    for seed, accuracy in enumerate(accuracies):
        write_ended(lab, name, seed, accuracy)
