"""The keys of a catalog file as types: what only the entry itself holds, what it can inherit, and what each key means.

`msgspec.inspect` describes the types; the functions at the end answer questions about such descriptions.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, inspect
from msgspec.inspect import Field, Metadata, NoneType, StructType, Type, UnionType

from labtui.catalog.seeds import MOST_SEEDS
from labtui.spec import (
    AnyModel,
    Constant,
    Data,
    EntryMetric,
    Flags,
    FolderPart,
    MetricTerms,
    Name,
    Optimizer,
    Parameter,
    ParameterName,
    Pattern,
    Penalty,
    Protocol,
    ReadRules,
    Reference,
    Scheduler,
    StopRule,
    Text,
    Training,
    Value,
    VariableName,
)

NONE = "none"
"""How a file says that an inherited key is to be absent; TOML has no null."""

RunName = Annotated[
    str, Meta(max_length=200, description="the name of an entry without a grid, or of one variant of a grid")
]
DatasetName = Annotated[str, Meta(max_length=60, description="the name of a data set")]
RecipeKey = Annotated[str, Meta(max_length=200, description="a key of the recipe")]
Percentage = Annotated[float, Meta(ge=0, le=100)]


class Recipe(Value, frozen=True, kw_only=True):
    """What determines the result of a run apart from its seed: the keys that an override or a grid may set."""

    protocol: Protocol
    data: Data
    model: AnyModel
    penalty: Penalty | None = None
    optimizer: Optimizer
    scheduler: Scheduler = Constant()
    training: Training = Training()


class Program(Value, frozen=True, kw_only=True):
    """What an entry holds instead of a recipe if its training is a program of the user's own."""

    run: Annotated[str, Meta(min_length=1, max_length=10_000)]
    param: dict[ParameterName, Parameter] = msgspec.field(default_factory=dict)
    flags: Flags | Literal["gnu", "space", "hydra"] = "gnu"
    env: dict[VariableName, Text] = msgspec.field(default_factory=dict)
    read: ReadRules = ReadRules()
    steps: Annotated[int, Meta(ge=1)] | Pattern | None = None
    checkpoint: Pattern | None = None
    resume: Annotated[str, Meta(max_length=2_000)] | None = None
    stop: StopRule = StopRule()
    stall: Annotated[float, Meta(ge=10, le=86_400)] = 300.0
    inputs: Annotated[tuple[Pattern, ...], Meta(max_length=32)] = ()
    code: Annotated[tuple[Pattern, ...], Meta(max_length=32)] = ()


class SharedTerms(Value, frozen=True, kw_only=True):
    """What [defaults] and every entry can hold beside a recipe: how runs are grouped, repeated and compared."""

    group: FolderPart = "Experiments"
    baseline: RunName | None = None
    seeds: int | str | Annotated[tuple[int, ...], Meta(max_length=MOST_SEEDS)] = 1
    offline_dataset: DatasetName | None = None
    smallest_effect: Percentage = 0.5
    metric: EntryMetric | None = None


class Terms(SharedTerms, frozen=True, kw_only=True):
    """What an entry can hold beside a recipe and what entries that extend it inherit."""

    factor: Annotated[tuple[RecipeKey, ...], Meta(max_length=32)] = ()
    grid: dict[str, Any] | None = None
    """Nested as it is written; `grid.axes` gives the lists by dotted key."""


class Notes(Value, frozen=True, kw_only=True):
    """What is known about an entry, or about one variant of its grid."""

    description: Text = ""
    conclusion: Text = ""
    reference: Reference | None = None


class Own(Notes, frozen=True, kw_only=True):
    """What belongs to one entry only and is not inherited."""

    title: FolderPart = ""
    extends: Name | None = None
    member: Annotated[dict[str, Notes], Meta(max_length=200)] = msgspec.field(default_factory=dict)


def unwrapped(kind: Type) -> Type:
    """The type without the description that may be wrapped around it."""
    while isinstance(kind, Metadata):
        kind = kind.type
    return kind


def alternatives(kind: Type) -> tuple[Type, ...]:
    """The types that a union allows, without None; any other type is its own only alternative."""
    kind = unwrapped(kind)
    types = kind.types if isinstance(kind, UnionType) else (kind,)
    return tuple(one for one in types if not isinstance(one, NoneType))


def is_optional(kind: Type) -> bool:
    """Whether the key may be absent, written "none"."""
    kind = unwrapped(kind)
    return isinstance(kind, UnionType) and any(isinstance(one, NoneType) for one in kind.types)


def takes_own_code(kind: Type) -> bool:
    """Whether the name of a table may be that of a user's own class or function, which brings keys of its own."""
    structs = (one for one in map(unwrapped, alternatives(kind)) if isinstance(one, StructType))
    return any(getattr(one.cls, "hidden", False) for one in structs)


def tables(kind: Type) -> tuple[StructType, ...]:
    """The tables among the alternatives: one, or one per name of a registry. Those of a user's own code have none."""
    structs = (one for one in map(unwrapped, alternatives(kind)) if isinstance(one, StructType))
    return tuple(one for one in structs if not getattr(one.cls, "hidden", False))


def tags(kind: Type) -> dict[str, StructType]:
    """The tables of a registry by their `name`; empty for any other type."""
    return {str(one.tag): one for one in tables(kind) if one.tag_field is not None}


def field_of(table: StructType, key: str) -> Field | None:
    """The field of a table by its key."""
    return next((field for field in table.fields if field.name == key), None)


def struct_type(of: type) -> StructType:
    """The description of one of the tables above."""
    kind = inspect.type_info(of)
    assert isinstance(kind, StructType)
    return kind


RECIPE = struct_type(Recipe)
PROGRAM = struct_type(Program)
METRIC_TERMS = struct_type(MetricTerms)
SHARED_TERMS = struct_type(SharedTerms)
TERMS = struct_type(Terms)
OWN = struct_type(Own)

RECIPE_KEYS = tuple(field.name for field in RECIPE.fields)
PROGRAM_KEYS = tuple(field.name for field in PROGRAM.fields)
DEFAULTS_KEYS = (*(field.name for field in SHARED_TERMS.fields), *RECIPE_KEYS)
TERMS_KEYS = tuple(field.name for field in TERMS.fields)
INHERITED_KEYS = (*TERMS_KEYS, *RECIPE_KEYS, *PROGRAM_KEYS)
OWN_KEYS = ("title", "extends", "description", "conclusion", "reference", "member")
ENTRY_KEYS = (*OWN_KEYS, *INHERITED_KEYS)
REGISTRIES = tuple(field.name for field in RECIPE.fields if tags(field.type))
"""The keys whose table selects an entry of a registry by its `name`."""

MEANINGS = {
    "title": "The name under which its runs are shown and stored: `runs/<group>/<title>/`. Default: the entry's name.",
    "group": "The first folder below `runs/`: experiments that belong together.",
    "description": "A description of the experiment for readers.",
    "conclusion": "What a published report concluded, in one sentence.",
    "extends": "The entry from which it inherits everything that it does not set itself.",
    "factor": "The keys of the recipe that it changes on purpose against its baseline. Default: those of its grid.",
    "baseline": "The experiment that it is compared with: an entry, or one variant of a grid such as `adam@0.001`.",
    "grid": "A list of values per key of the recipe: one run per value, or per combination of several keys.",
    "member": "`description`, `conclusion` and `reference` of single variants of the grid, by their labels.",
    "seeds": 'A count (3 means 0, 1 and 2), a list such as `[0, 4, 7]`, or text such as `"0-4"`.',
    "offline_dataset": "The embedded data set to use, with a warning, if the requested one is not available.",
    "smallest_effect": "The smallest difference from the baseline that would matter, in points of accuracy.",
    "metric": "The metric that it is judged by, if not test/accuracy, and what its values mean.",
    "metric.tag": "The tag of the metric. Default: `test/accuracy`.",
    "metric.better": "Which values are better. If omitted, inferred from known names; other metrics are not judged.",
    "metric.unit": "The unit of the values as they are logged, such as `ms`.",
    "metric.percent": "Whether the values are logged as 0..1, to be shown in percent.",
    "metric.take": "The point of a run's curve that counts: `last`, `best`, or a step such as `at:1000`.",
    "reference": "Published figures of this run, shown beside its own.",
    "reference.figures": "The published figure per tag, exactly as published.",
    "reference.epoch": "The epoch at which they were published.",
    "reference.epochs": "The epoch per tag, where its figure was published at another one.",
    "reference.steps": "The step per tag of a minibatch curve at which its figure was published.",
    "reference.relative": "TensorBoard's Relative column at that point, per tag.",
    "reference.around": 'Tags whose figure was published in words only, as "around".',
    "reference.in_kind": "Part of the published setting is unknown: the figures are only roughly comparable.",
    "reference.note": "What readers of the figures should know.",
    "run": "The command of a program of your own, instead of a recipe; with placeholders, without a shell.",
    "param": "The parameters of the program, with their defaults: only these can be set, varied or be a factor.",
    "flags": "How `{params}` writes them: `gnu` (--lr=0.1), `space` (--lr 0.1), `hydra` (lr=0.1), or a table.",
    "flags.style": "As above.",
    "flags.bool": "`value`: --flag=True. `switch`: --flag, or nothing. `no`: --flag or --no-flag.",
    "flags.list": "`comma`: --x=1,2. `words`: --x 1 2. `repeat`: --x=1 --x=2.",
    "env": "Environment variables of the program; values may contain placeholders.",
    "read": "Where its metrics are, beside the event files that it writes below `{run_dir}`.",
    "read.log": "Lines of its output, with `{step}`, `{epoch}` and tags in braces in the place of numbers.",
    "read.jsonl": "A file with a JSON object per line, below the run's folder; a pattern such as `*.jsonl` too.",
    "read.csv": "A file with a header line; likewise.",
    "steps": "The number of steps that it will make, for progress: a number, or `{param.NAME}`.",
    "checkpoint": "The file or folder that it saves to; of a pattern the newest match.",
    "resume": "What is appended to the command to resume from `{checkpoint}`.",
    "stop": "How it is asked to stop.",
    "stop.signal": "The signal: TERM, INT, USR1, USR2 or HUP.",
    "stop.patience": "Seconds that it has to save before it is killed.",
    "stall": "Seconds without output, metrics or CPU time after which the run counts as stalled.",
    "inputs": "Patterns of files that it reads: their content is part of the recipe.",
    "code": "Patterns of its source files, likewise. Default: the Python files that git tracks beside the catalog.",
    "protocol": "`report`: as the original lab report's own code ran, quirks included. `standard`: mean cross-entropy, "
    "evaluation mode, 5,000 training images held out for every choice, the test set read once at the end.",
    "data.name": "A data set of the registry (see `labtui data ls`), or `npz` or `folder` for your own images.",
    "data.path": "The file or folder of data set `npz` or `folder`, seen from the catalog's folder.",
    "data.size": "The images of data set `folder` are resized to this many pixels on each side.",
    "data.fingerprint": "Identifies the content at `data.path`: filled in for each run; set it to refuse any other.",
    "data.arguments": "Values for the parameters of a class or function in `lab/datasets.py`.",
    "data.source": "Identifies that code: filled in for each run.",
    "data.train_fraction": "The part of the training set that is used, from its beginning.",
    "data.augment": "Random transforms, drawn for each image each time it is read.",
    "data.augment.transforms": "The transforms in the order in which they are applied.",
    "data.augment.mode": "`append`: in addition to the plain images, twice as many in all. `replace`: instead of them.",
    "data.augment.test": "Whether the test set is augmented in the same way.",
    "data.augment.transforms.name": "A transform of the registry.",
    "data.augment.transforms.size": "Bilinear resize to this many pixels on each side.",
    "data.augment.transforms.p": "The probability that an image is mirrored, or that a part of it is erased.",
    "data.augment.transforms.degrees": "Rotate by a random angle between minus and plus this; black fill.",
    "data.augment.transforms.brightness": "The factor is between 1 - this and 1 + this.",
    "data.augment.transforms.contrast": "As for brightness.",
    "data.augment.transforms.saturation": "As for brightness.",
    "data.augment.transforms.hue": "The hue is shifted by between minus and plus this fraction of the colour circle.",
    "data.augment.transforms.padding": "Black pixels added on each side before the original size is cropped.",
    "data.augment.transforms.scale": "The least and the largest part of the image that is erased.",
    "data.augment.transforms.ratio": "The least and the largest ratio of height to width of the erased rectangle.",
    "data.augment.transforms.value": "The brightness of the erased pixels, from 0 (black) to 1 (white).",
    "data.normalize": "`dataset`: the data set's own mean and std; a table: others. Applied after the transforms.",
    "data.normalize.mean": "Subtracted, per channel, from images in 0..1.",
    "data.normalize.std": "The divisor after that, per channel.",
    "model.name": "A model of the registry.",
    "model.dropout": "Dropout after the first and the second dense layer.",
    "penalty": "A norm of parameters that is added to the training loss.",
    "penalty.norm": "The sum of magnitudes, or the Euclidean length (not squared).",
    "penalty.weight": "The factor of the norm.",
    "penalty.modules": "The modules whose parameters count: one, a list of them, or `all`.",
    "optimizer.name": "An optimizer of the registry, with PyTorch's names and defaults.",
    "optimizer.lr": "Learning rate.",
    "optimizer.betas": "Decay of the running means of the gradient and of its square.",
    "optimizer.eps": "Added to the denominator.",
    "optimizer.weight_decay": "L2 penalty of `adam` and `sgd`, decoupled decay of `adamw`.",
    "optimizer.momentum": "Momentum.",
    "optimizer.nesterov": "Nesterov momentum; needs a momentum.",
    "scheduler.name": "How the learning rate changes during training.",
    "scheduler.warmup_epochs": "Epochs in which the rate rises linearly to the optimizer's before it falls.",
    "scheduler.final": "The rate at the end, as a fraction of the optimizer's.",
    "scheduler.pct_start": "The part of all steps in which the rate rises to the optimizer's.",
    "scheduler.anneal_strategy": "Whether the rate follows a cosine or a line.",
    "scheduler.div_factor": "The rate begins at the optimizer's divided by this.",
    "scheduler.final_div_factor": "The rate ends at its first value divided by this.",
    "scheduler.three_phase": "Whether a third phase follows, in which the rate falls from its first value to its last.",
    "scheduler.step_size": "Epochs after which the rate is multiplied by `gamma`, again and again.",
    "scheduler.milestones": "The epochs after each of which the rate is multiplied by `gamma`.",
    "scheduler.gamma": "The factor of the rate.",
    "training.epochs": "Passes over the training set.",
    "training.batch_size": "Images in a training batch.",
    "training.test_batch_size": "Images in a test batch; the losses of protocol `report` depend on it.",
    "training.log_every": "Batches between two points of the minibatch curves. It only changes what is recorded.",
    "training.precision": "Arithmetic precision of the training.",
    "training.label_smoothing": "The part of each label that is spread evenly over all classes in the training loss.",
    "training.clip_norm": "Gradients with a larger norm, over all parameters together, are scaled down to it.",
    "training.ema": "Evaluate an exponential moving average of the weights, with this decay per step.",
    "training.mix": "Mix images of a batch with one another: one of these is drawn for each batch.",
    "training.mix.name": "`mixup`: blend whole images. `cutmix`: paste a rectangle of another image.",
    "training.mix.alpha": "How much is mixed: the share of each image is drawn from Beta(alpha, alpha).",
    "training.early_stopping": "Stop when a metric on the images held out no longer improves, and test its best epoch.",
    "training.early_stopping.metric": "The metric that is watched, on the images held out by protocol `standard`.",
    "training.early_stopping.patience": "Epochs without an improvement after which the training ends.",
    "training.early_stopping.min_delta": "The change that counts as an improvement must be larger than this.",
}
"""One sentence for each key of an entry, for docs/catalog.md, the launch dialog and the JSON Schema."""


def _keys(kind: StructType, prefix: str = "") -> Iterator[str]:
    for field in kind.fields:
        key = prefix + field.name
        yield key
        for table in tables(field.type):
            if table.tag_field is not None:
                yield f"{key}.{table.tag_field}"
            yield from _keys(table, f"{key}.")


PROGRAM_PATHS = tuple(dict.fromkeys(_keys(PROGRAM)))
"""Every dotted key that belongs to a program."""

RECIPE_PATHS = tuple(dict.fromkeys(_keys(RECIPE)))
"""Every dotted key of a recipe, whichever entry of a registry it belongs to; tables are keys too."""
