"""What types cannot say: keys that must fit one another, names that must exist, runs that must not share a folder."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from labtui.catalog.problems import KeyProblem
from labtui.catalog.schema_types import NONE, Recipe
from labtui.catalog.words import did_you_mean, shown, shown_all
from labtui.spec import Data, Experiment, Normalize, RandomErasing, Reference, Resize, Sgd
from labtui.store.tags import STEP_UNITS
from labtui.text.words import plural

IMAGE_SIZE = 32
"""Pixels a side, of every registered data set and for every registered model."""

_OWN_KINDS = ("npz", "folder")
"""The data sets at `data.path`: `labtui.datasets.OWN_KINDS`, which this package does not import."""


def contradictions(recipe: Recipe) -> Iterator[KeyProblem]:
    """Keys of a recipe that are each allowed but do not fit one another."""
    yield from _modules(recipe)
    yield from _normalization(recipe.data)
    yield from _own_data(recipe.data)
    if recipe.data.name not in _OWN_KINDS and recipe.data.source is None:
        yield from _sizes(recipe)
    yield from _erasing(recipe.data)
    if recipe.training.early_stopping is not None and recipe.protocol == "report":
        message = 'protocol "report" holds no images out to choose an epoch on. Set protocol = "standard" too.'
        yield KeyProblem(("training", "early_stopping"), message)
    if isinstance(recipe.optimizer, Sgd) and recipe.optimizer.nesterov and not recipe.optimizer.momentum:
        message = "true needs a momentum above 0. Set optimizer.momentum too, 0.9 for example."
        yield KeyProblem(("optimizer", "nesterov"), message)


def unknown_dataset(name: str, datasets: Collection[str]) -> str:
    """What to say of a data set's name; nothing where there is such a data set."""
    if name in datasets:
        return ""
    return f"there is no data set {shown(name)}.{did_you_mean(name, datasets)} Data sets: {shown_all(datasets)}."


def reference_problems(reference: Reference) -> Iterator[KeyProblem]:
    """Tags that labtui does not write, and settings of a figure that is not given."""
    for tag in reference.figures:
        if tag not in STEP_UNITS:
            message = f"labtui writes no curve with the tag {shown(tag)}.{did_you_mean(tag, STEP_UNITS)}"
            yield KeyProblem(("figures", tag), f"{message} Tags: {shown_all(STEP_UNITS)}.")
    places = [(key, tag, tag) for key in ("epochs", "steps", "relative") for tag in getattr(reference, key)]
    for key, place, tag in [*places, *(("around", index, tag) for index, tag in enumerate(reference.around))]:
        if tag not in reference.figures:
            message = f"there is no figure for {shown(tag)}.{did_you_mean(tag, reference.figures)}"
            given = shown_all(reference.figures) or "none"
            yield KeyProblem((key, place), f"{message} Figures are given for: {given}.")


def _own_data(data: Data) -> Iterator[KeyProblem]:
    """Keys of a user's own images, which data sets of the registry do not have."""
    if data.name in _OWN_KINDS:
        if data.path is None:
            what = "the .npz file" if data.name == "npz" else "the folder with train/ and test/"
            yield KeyProblem(("data", "path"), f"is missing: {what} that data set {shown(data.name)} reads.")
        if data.size is not None and data.name != "folder":
            yield KeyProblem(("data", "size"), 'only data set "folder" resizes its images. Leave it out.')
        return
    if data.source is not None and data.normalize == "dataset":
        message = "the images of a data set in lab/datasets.py are not read before a run: write mean and std."
        yield KeyProblem(("data", "normalize"), message)
    for key in ("path", "size", "fingerprint"):
        if getattr(data, key) is not None:
            message = f"{shown(data.name)} does not read a path."
            yield KeyProblem(("data", key), f'{message} Set data.name = "npz" or "folder" to read your own images.')


def _modules(recipe: Recipe) -> Iterator[KeyProblem]:
    if recipe.penalty is None or (recipe.penalty.module_names and not recipe.model.modules):
        return  # the engine checks the names of a model that only it can import
    known = ("all", *recipe.model.modules)
    allowed = f"Allowed: {shown_all(known, 'or')}."
    if not recipe.penalty.module_names:
        yield KeyProblem(("penalty", "modules"), f"an empty list penalizes nothing. {allowed}")
    for index, name in enumerate(recipe.penalty.module_names):
        if name not in known:
            place = () if isinstance(recipe.penalty.modules, str) else (index,)
            message = f"the model has no module {shown(name)}.{did_you_mean(name, known)} {allowed}"
            yield KeyProblem(("penalty", "modules", *place), message)


def _normalization(data: Data) -> Iterator[KeyProblem]:
    if not isinstance(data.normalize, Normalize):
        return
    means, deviations = len(data.normalize.mean), len(data.normalize.std)
    if means != deviations or not means:
        message = f"{plural(means, 'mean')} and {plural(deviations, 'deviation')}: one of each per channel is needed"
        yield KeyProblem(("data", "normalize"), f"{message}, three for colour images.")


def _erasing(data: Data) -> Iterator[KeyProblem]:
    for index, one in enumerate(data.augment.transforms if data.augment else ()):
        for key in ("scale", "ratio") if isinstance(one, RandomErasing) else ():
            low, high = getattr(one, key)
            if low > high:
                message = f"{low} is above {high}: the smaller number comes first."
                yield KeyProblem(("data", "augment", "transforms", index, key), message)


def _sizes(recipe: Recipe) -> Iterator[KeyProblem]:
    """Models take images of one size, and appended images must have the size of the plain ones."""
    transforms = recipe.data.augment.transforms if recipe.data.augment else ()
    sizes = [(index, one.size) for index, one in enumerate(transforms) if isinstance(one, Resize)]
    if sizes and sizes[-1][1] != IMAGE_SIZE:
        index, size = sizes[-1]
        message = f"{size} is not allowed: the last resize must give {IMAGE_SIZE} x {IMAGE_SIZE} pixels"
        yield KeyProblem(("data", "augment", "transforms", index, "size"), f"{message}, the size of the plain images.")


def baseline_problems(
    experiments: Sequence[Experiment], entries: Collection[str]
) -> Iterator[tuple[Experiment, KeyProblem]]:
    """Baselines that are not an entry or not a single run. A baseline whose entry has problems itself is accepted."""
    variants = {
        one.name: [variant.spec.name for variant in one.variants] for one in experiments if len(one.variants) > 1
    }
    sound = {one.name for one in experiments}
    runs = dict.fromkeys(
        [*(name for name in entries if name not in variants), *(run for runs in variants.values() for run in runs)]
    )
    for experiment in experiments:
        name = experiment.baseline
        if name is None or name in runs or (name.partition("@")[0] in runs.keys() - sound):
            continue
        if name in variants:
            choices = shown_all(variants[name][:20], "or")
            message = f"{shown(name)} has {len(variants[name])} variants. Say which: {choices}."
        else:
            others = [one for one in runs if one != experiment.name]
            message = f"there is no experiment {shown(name)}.{did_you_mean(name, others)}"
            message += f" Allowed: {', '.join(map(shown, others[:20]))}, or {shown(NONE)}."
        yield experiment, KeyProblem(("baseline",), message)


def title_problems(
    experiments: Sequence[Experiment], lines: Mapping[str, int]
) -> Iterator[tuple[Experiment, KeyProblem]]:
    """Entries whose runs would lie in the folder of another entry's, also where only the case of letters differs."""
    owners: dict[tuple[str, str], str] = {}
    for experiment in experiments:
        for variant in experiment.variants:
            folder = (variant.spec.group.casefold(), variant.spec.title.casefold())
            owner = owners.setdefault(folder, experiment.name)
            if owner != experiment.name:
                where = f" (line {lines[owner]})" if lines.get(owner) else ""
                message = f"{shown(variant.spec.title)} is already the title of {shown(owner)}{where}"
                message += ": their runs would share a folder. Choose another title."
                yield experiment, KeyProblem(("title",), message)
                break
