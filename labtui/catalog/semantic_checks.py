"""What types cannot say: keys that must fit one another, the data sets that there are, and the tags of a reference."""

from collections.abc import Collection, Iterator

from labtui.catalog.schema_types import Recipe
from labtui.catalog.words import Problem, counted, did_you_mean, listed, shown
from labtui.spec import Data, Normalize, Reference, Resize, Sgd
from labtui.store.tags import STEP_UNITS

IMAGE_SIZE = 32
"""Pixels a side, of every registered data set and for every registered model."""


def contradictions(recipe: Recipe) -> Iterator[Problem]:
    """Keys of a recipe that are sound each by itself and cannot be meant together."""
    yield from _modules(recipe)
    yield from _normalization(recipe.data)
    yield from _sizes(recipe)
    if isinstance(recipe.optimizer, Sgd) and recipe.optimizer.nesterov and not recipe.optimizer.momentum:
        message = "true needs a momentum above 0. Set optimizer.momentum too, 0.9 for example."
        yield Problem(("optimizer", "nesterov"), message)


def known_dataset(name: str, datasets: Collection[str]) -> str | None:
    """What is wrong with a data set's name; None where there is such a data set."""
    if name in datasets:
        return None
    there_are = listed((shown(one) for one in datasets), "and")
    return f"there is no data set {shown(name)}.{did_you_mean(name, datasets)} There are: {there_are}."


def missing_dataset(datasets: Collection[str]) -> str:
    """What to say where no data set is named."""
    return f"this key is missing. Allowed: {listed(shown(one) for one in datasets)}."


def reference_problems(reference: Reference) -> Iterator[Problem]:
    """Tags that labtui does not write, or that stand beside a figure which is not given."""
    for tag in reference.figures:
        if tag not in STEP_UNITS:
            there_are = listed((shown(one) for one in STEP_UNITS), "and")
            hint = did_you_mean(tag, STEP_UNITS)
            yield Problem(
                ("figures", tag), f"{shown(tag)} is no tag of a curve that labtui writes.{hint} There are: {there_are}."
            )
    for key in ("epochs", "steps", "relative"):
        for tag in getattr(reference, key):
            if tag not in reference.figures:
                yield Problem((key, tag), _no_figure(tag, reference))
    for index, tag in enumerate(reference.around):
        if tag not in reference.figures:
            yield Problem(("around", index), _no_figure(tag, reference))


def _no_figure(tag: str, reference: Reference) -> str:
    given = listed((shown(one) for one in reference.figures), "and") or "none"
    return f"there is no figure for {shown(tag)}.{did_you_mean(tag, reference.figures)} Figures are given for: {given}."


def _modules(recipe: Recipe) -> Iterator[Problem]:
    if recipe.penalty is None:
        return
    known = ("all", *recipe.model.modules)
    single = isinstance(recipe.penalty.modules, str)
    there_are = listed(shown(one) for one in known)
    if not recipe.penalty.module_names:
        yield Problem(("penalty", "modules"), f"an empty list penalizes nothing. Allowed: {there_are}.")
    for index, name in enumerate(recipe.penalty.module_names):
        if name not in known:
            at = ("penalty", "modules") if single else ("penalty", "modules", index)
            yield Problem(
                at, f"the model has no module {shown(name)}.{did_you_mean(name, known)} Allowed: {there_are}."
            )


def _normalization(data: Data) -> Iterator[Problem]:
    if not isinstance(data.normalize, Normalize):
        return
    means, deviations = len(data.normalize.mean), len(data.normalize.std)
    if means != deviations or not means:
        found = f"{counted(means, 'mean')} and {counted(deviations, 'deviation')}"
        yield Problem(("data", "normalize"), f"{found}: one of each per channel is needed, three for colour images.")


def _sizes(recipe: Recipe) -> Iterator[Problem]:
    """Models take images of one size, and appended images must have the size of the plain ones."""
    transforms = recipe.data.augment.transforms if recipe.data.augment else ()
    sizes = [(index, one.size) for index, one in enumerate(transforms) if isinstance(one, Resize)]
    if sizes and sizes[-1][1] != IMAGE_SIZE:
        index, size = sizes[-1]
        message = (
            f"{size} is not allowed: images must leave with the {IMAGE_SIZE} x {IMAGE_SIZE} pixels of the plain ones."
        )
        yield Problem(("data", "augment", "transforms", index, "size"), message)
