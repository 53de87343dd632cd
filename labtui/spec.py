"""The shared vocabulary: what an experiment is, and what exactly one run of it is.

Everything here is a frozen value. Each registry of the catalog (models, optimizers, schedulers, transforms) is a tagged
union: the `name` key selects the class, its fields are the arguments, and their bounds are checked when a value is
created from text. To add an entry, add a class here and its counterpart in the engine.
"""

import hashlib
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

Protocol = Literal["report", "standard"]
Precision = Literal["fp32", "tf32", "bf16"]

Fraction = Annotated[float, Meta(gt=0, le=1)]
Probability = Annotated[float, Meta(ge=0, le=1)]
DropProbability = Annotated[float, Meta(ge=0, lt=1)]
Rate = Annotated[float, Meta(gt=0, le=1_000)]
Share = Annotated[float, Meta(ge=0, lt=1)]
Strength = Annotated[float, Meta(ge=0, le=1_000_000)]
Divisor = Annotated[float, Meta(ge=1, le=1_000_000_000)]
Concentration = Annotated[float, Meta(ge=0.01, le=100)]
Jitter = Annotated[float, Meta(ge=0, le=10)]
Ratio = Annotated[float, Meta(gt=0, le=100)]
Count = Annotated[int, Meta(ge=1, le=1_000_000_000)]
Seed = Annotated[int, Meta(ge=0, lt=2**32)]
Text = Annotated[str, Meta(max_length=4_000)]
Name = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,59}\Z",
        description="text of letters, digits, _ and -, at most 60 characters, beginning with a letter or digit",
    ),
]
FolderPart = Annotated[
    str,
    Meta(
        pattern=r"^(?! )(?!.* \Z)(?!.*  )[A-Za-z0-9_-][A-Za-z0-9_. -]{0,59}\Z",
        description="text of letters, digits, _ . - and single inner spaces, at most 60 characters, no leading dot",
    ),
]
"""One part of a run's folder."""
Duration = Annotated[
    str,
    Meta(pattern=r"^(\d{1,4}h )?(\d{1,4}m )?\d{1,4}s\Z", description='text such as "1h 2m 3s", "4m 26s" or "52s"'),
]


class Value(Struct, frozen=True, forbid_unknown_fields=True):
    """A frozen value that refuses keys it does not know.

    `kw_only` is not inherited and type checkers want `frozen` repeated, so every class says both.
    """


def always_written(default: Any) -> Any:
    """The default of a key that spec.json has always held, in a class with `omit_defaults`.

    Keys that came later are left out of spec.json and of the recipe while they are at their default, so that a recipe
    without them keeps the bytes and the hash that it always had. msgspec leaves a key out if its value is the very
    object that is the default, which the product of a factory never is.
    """
    return msgspec.field(default_factory=_Constant(default))


class _Constant:
    """A function without parameters that returns one value."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __call__(self) -> Any:
        return self.value


def _use_default_objects(value: Struct) -> None:
    """Replace values that equal their default by the default itself, so that `omit_defaults` recognizes them."""
    fields = value.__struct_fields__
    for key, default in zip(
        fields[len(fields) - len(value.__struct_defaults__) :], value.__struct_defaults__, strict=True
    ):
        if default is not msgspec.NODEFAULT and getattr(value, key) == default:
            msgspec.structs.force_setattr(value, key, default)


# --- Transforms: applied to images in 0..1, drawn for each image and each read ---------------------------------------


class Resize(Value, frozen=True, kw_only=True, tag_field="name", tag="resize"):
    """Bilinear resize to `size` x `size` pixels; an image of that size stays as it is."""

    size: Annotated[int, Meta(ge=1, le=1_024)]


class HorizontalFlip(Value, frozen=True, kw_only=True, tag_field="name", tag="horizontal_flip"):
    """Mirror left to right with probability `p`."""

    p: Probability = 0.5


class Rotation(Value, frozen=True, kw_only=True, tag_field="name", tag="rotation"):
    """Rotate by an angle drawn uniformly from -`degrees` to `degrees`: nearest neighbour, black fill."""

    degrees: Annotated[float, Meta(ge=0, le=180)]


class ColorJitter(Value, frozen=True, kw_only=True, tag_field="name", tag="color_jitter"):
    """Brightness, contrast, saturation and hue, by factors and in an order that are drawn for each image."""

    brightness: Jitter = 0.0
    contrast: Jitter = 0.0
    saturation: Jitter = 0.0
    hue: Annotated[float, Meta(ge=0, le=0.5)] = 0.0


class RandomCrop(Value, frozen=True, kw_only=True, tag_field="name", tag="random_crop"):
    """Pad by `padding` black pixels on each side and crop the original size at a random place."""

    padding: Annotated[int, Meta(ge=1, le=64)] = 4


class RandomErasing(Value, frozen=True, kw_only=True, tag_field="name", tag="random_erasing"):
    """Fill a random rectangle with `value`, with probability `p`: torchvision's RandomErasing on images in 0..1."""

    p: Probability = 0.5
    scale: tuple[Fraction, Fraction] = (0.02, 0.33)
    ratio: tuple[Ratio, Ratio] = (0.3, 3.3)
    value: Probability = 0.0


Argument = bool | int | float | Annotated[str, Meta(max_length=2_000)] | None
Arguments = Annotated[
    dict[
        Annotated[str, Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,59}\Z")],
        Argument | Annotated[tuple[Argument, ...], Meta(max_length=200)],
    ],
    Meta(max_length=100),
]
"""Values for the parameters of a class or function."""

Fingerprint = Annotated[str, Meta(pattern=r"^[0-9a-f]{12}\Z", description="12 hexadecimal digits")]
OwnName = Annotated[str, Meta(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,59}\Z")]

Transform = Resize | HorizontalFlip | Rotation | ColorJitter | RandomCrop | RandomErasing
"""The transforms of the registry."""


class LabTransform(Value, frozen=True, kw_only=True, tag_field="name", tag="lab"):
    """A class or function in `lab/transforms.py`; the catalog calls `use` its name, and its arguments stand beside."""

    hidden: ClassVar[bool] = True
    use: OwnName
    arguments: Arguments
    source: Fingerprint
    """Of the code: `labtui.lab_code`."""


class Augment(Value, frozen=True, kw_only=True):
    """Random transforms.

    `append` adds the augmented images to the plain ones (twice the samples), `replace` uses them instead.
    With `test`, the test set is augmented in the same way.
    """

    transforms: Annotated[tuple[Transform | LabTransform, ...], Meta(min_length=1, max_length=32)]
    mode: Literal["append", "replace"] = "append"
    test: bool = False


class Normalize(Value, frozen=True, kw_only=True):
    """Subtract the mean and divide by the standard deviation, per channel, of images in 0..1."""

    mean: tuple[Annotated[float, Meta(ge=-10, le=10)], ...]
    std: tuple[Annotated[float, Meta(gt=0, le=10)], ...]


class Data(Value, frozen=True, kw_only=True, omit_defaults=True):
    """Which images are read, and how. `normalize = "dataset"` means the data set's registered mean and deviation."""

    name: Annotated[str, Meta(min_length=1, max_length=60, description="the name of a data set")]
    train_fraction: Fraction = always_written(1.0)
    augment: Augment | None = always_written(None)
    normalize: Normalize | Literal["dataset"] | None = always_written(None)
    path: Annotated[str, Meta(min_length=1, max_length=1_000)] | None = None
    size: Annotated[int, Meta(ge=1, le=1_024)] | None = None
    fingerprint: Fingerprint | None = None
    """Of the files at `path`; filled in when a run is planned."""
    arguments: Arguments = {}
    """Of a class or function in `lab/datasets.py`."""
    source: Fingerprint | None = None
    """Of that code; filled in when the catalog is read."""

    def __post_init__(self) -> None:
        """Make defaults recognizable for `omit_defaults`."""
        _use_default_objects(self)


# --- Models -------------------------------------------------------------------------------------------------------


class Cnn(Value, frozen=True, kw_only=True, tag_field="name", tag="cnn"):
    """The report's small convolutional network; `dropout` after fc1's and after fc2's ReLU."""

    modules: ClassVar[tuple[str, ...]] = ("conv1", "conv2", "conv3", "fc1", "fc2", "fc3")
    dropout: tuple[DropProbability, DropProbability] = (0.0, 0.0)


class ResNet18(Value, frozen=True, kw_only=True, tag_field="name", tag="resnet18"):
    """torchvision's ResNet-18 with a 3x3 stem of stride 1 and without the first max-pool, as used for 32x32 images."""

    modules: ClassVar[tuple[str, ...]] = ("conv1", "layer1", "layer2", "layer3", "layer4", "fc")


Model = Cnn | ResNet18
"""The models of the registry."""


class LibraryModel(Value, frozen=True, kw_only=True, tag_field="name", tag="library", omit_defaults=True):
    """A model of torchvision or timm; `use` is `torchvision:NAME` or `timm:NAME`, which the catalog calls its name."""

    hidden: ClassVar[bool] = True
    modules: ClassVar[tuple[str, ...]] = ()
    """Not known without importing the library."""
    use: Annotated[str, Meta(pattern=r"^(torchvision|timm):[A-Za-z0-9][A-Za-z0-9_.-]{0,99}\Z")]
    weights: Annotated[str, Meta(min_length=1, max_length=1_000)] | None = None
    weights_fingerprint: Fingerprint | None = None
    """Of a file of weights; filled in when a run is planned."""


def is_weights_path(weights: str) -> bool:
    """Whether `weights` is the path of a file and not the name of registered weights."""
    return "/" in weights or weights.endswith((".pt", ".pth", ".bin", ".ckpt"))


class LabModel(Value, frozen=True, kw_only=True, tag_field="name", tag="lab"):
    """A class or function in `lab/models.py`; the catalog calls `use` its name, and its arguments stand beside that."""

    hidden: ClassVar[bool] = True
    modules: ClassVar[tuple[str, ...]] = ()
    """Not known without importing the file."""
    use: OwnName
    arguments: Arguments
    source: Fingerprint
    """Of the code: `labtui.lab_code`."""


AnyModel = Model | LibraryModel | LabModel


class Penalty(Value, frozen=True, kw_only=True):
    """`weight` times the norm of all parameters of the named modules, as one vector (L2 is not squared)."""

    norm: Literal["l1", "l2"]
    weight: Strength
    modules: str | tuple[str, ...] = "all"

    @property
    def module_names(self) -> tuple[str, ...]:
        """The modules as a tuple; `("all",)` means the whole model."""
        return (self.modules,) if isinstance(self.modules, str) else self.modules


# --- Optimizers and schedules: names and defaults are PyTorch's ---------------------------------------------------


class Adam(Value, frozen=True, kw_only=True, tag_field="name", tag="adam"):
    """torch.optim.Adam."""

    lr: Rate = 1e-3
    betas: tuple[Share, Share] = (0.9, 0.999)
    eps: Rate = 1e-8
    weight_decay: Strength = 0.0


class AdamW(Value, frozen=True, kw_only=True, tag_field="name", tag="adamw"):
    """torch.optim.AdamW."""

    lr: Rate = 1e-3
    betas: tuple[Share, Share] = (0.9, 0.999)
    eps: Rate = 1e-8
    weight_decay: Strength = 1e-2


class Sgd(Value, frozen=True, kw_only=True, tag_field="name", tag="sgd"):
    """torch.optim.SGD."""

    lr: Rate = 1e-3
    momentum: Share = 0.0
    nesterov: bool = False
    weight_decay: Strength = 0.0


Optimizer = Adam | AdamW | Sgd


class Constant(Value, frozen=True, kw_only=True, tag_field="name", tag="constant"):
    """The learning rate stays as the optimizer has it."""


class Cosine(Value, frozen=True, kw_only=True, tag_field="name", tag="cosine"):
    """Linear warm-up over `warmup_epochs`, then half a cosine down to `final` times the optimizer's rate."""

    warmup_epochs: Annotated[float, Meta(ge=0, le=10_000)] = 0.0
    final: Probability = 0.0


class OneCycle(Value, frozen=True, kw_only=True, tag_field="name", tag="one_cycle"):
    """torch.optim.lr_scheduler.OneCycleLR per step; the optimizer's rate is its `max_lr`. Momentum is not cycled."""

    pct_start: DropProbability = 0.3
    anneal_strategy: Literal["cos", "linear"] = "cos"
    div_factor: Divisor = 25.0
    final_div_factor: Divisor = 1e4
    three_phase: bool = False


class StepSchedule(Value, frozen=True, kw_only=True, tag_field="name", tag="step"):
    """torch.optim.lr_scheduler.StepLR: multiply the rate by `gamma` after every `step_size` epochs."""

    step_size: Annotated[int, Meta(ge=1, le=100_000)]
    gamma: Rate = 0.1


class MultiStep(Value, frozen=True, kw_only=True, tag_field="name", tag="multi_step"):
    """torch.optim.lr_scheduler.MultiStepLR: multiply the rate by `gamma` after each of the epochs `milestones`."""

    milestones: Annotated[tuple[Annotated[int, Meta(ge=1, le=100_000)], ...], Meta(min_length=1, max_length=100)]
    gamma: Rate = 0.1


Scheduler = Constant | Cosine | OneCycle | StepSchedule | MultiStep


# --- Training -----------------------------------------------------------------------------------------------------


class MixUp(Value, frozen=True, kw_only=True, tag_field="name", tag="mixup"):
    """torchvision.transforms.v2.MixUp: each image and its label mixed with another of the batch, by Beta(alpha)."""

    alpha: Concentration = 1.0


class CutMix(Value, frozen=True, kw_only=True, tag_field="name", tag="cutmix"):
    """torchvision.transforms.v2.CutMix: a rectangle of each image comes from another of the batch, by Beta(alpha)."""

    alpha: Concentration = 1.0


Mix = MixUp | CutMix


class EarlyStopping(Value, frozen=True, kw_only=True):
    """Stop when `metric` has not improved by more than `min_delta` for `patience` epochs; test its best epoch.

    Only the standard protocol has images held out to choose on.
    """

    metric: Literal["val/loss", "val/accuracy"] = "val/loss"
    patience: Annotated[int, Meta(ge=1, le=100_000)] = 5
    min_delta: Strength = 0.0


class Training(Value, frozen=True, kw_only=True, omit_defaults=True):
    """Epochs, batch sizes, precision, and how a step is done. `log_every` (batches) only changes what is recorded."""

    epochs: Annotated[int, Meta(ge=1, le=100_000)] = always_written(10)
    batch_size: Annotated[int, Meta(ge=1, le=1_000_000)] = always_written(128)
    test_batch_size: Annotated[int, Meta(ge=1, le=1_000_000)] = always_written(64)
    log_every: Annotated[int, Meta(ge=1, le=1_000_000_000)] = always_written(50)
    precision: Precision = always_written("fp32")
    label_smoothing: Share = 0.0
    clip_norm: Annotated[float, Meta(gt=0, le=1_000_000)] | None = None
    ema: Annotated[float, Meta(gt=0, lt=1)] | None = None
    mix: Annotated[tuple[Mix, ...], Meta(min_length=1, max_length=8)] | None = None
    early_stopping: EarlyStopping | None = None

    def __post_init__(self) -> None:
        """Make defaults recognizable for `omit_defaults`."""
        _use_default_objects(self)


# --- Metrics ---------------------------------------------------------------------------------------------------------

Better = Literal["higher", "lower"]
"""The direction in which a metric improves."""

TAKE_PATTERN = r"^(last|best|at:\d{1,15})\Z"

Take = Annotated[str, Meta(pattern=TAKE_PATTERN, description='"last", "best", or a step such as "at:1000"')]
"""Which point of a curve is a run's value."""


class MetricTerms(Value, frozen=True, kw_only=True):
    """What is said about a metric at one place, such as the catalog; None where nothing is said."""

    better: Better | None = None
    unit: Annotated[str, Meta(max_length=40)] | None = None
    percent: bool | None = None
    take: Take | None = None


class EntryMetric(MetricTerms, frozen=True, kw_only=True):
    """What an entry of the catalog says about the metric that it is judged by."""

    tag: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    """None means the default metric."""


class Metric(Value, frozen=True, kw_only=True):
    """What a run is judged by: a tag, and what its values mean."""

    tag: str
    better: Better | None = None
    """None where nobody declared it: values are shown, but none is the best and nothing is claimed."""
    unit: str = ""
    percent: bool | None = None
    """Whether values are logged as 0..1 and shown as 0 to 100 percent; None if nothing was declared."""
    take: Take = "last"


# --- Runs and experiments -----------------------------------------------------------------------------------------


class Continued(Value, frozen=True, kw_only=True):
    """What a run starts from that continues a finished one: seeds of one recipe that continue alike are equal here."""

    epochs: Count
    """Epochs of the run that it continues."""
    recipe: Annotated[str, Meta(pattern=r"^[0-9a-f]{12}\Z")]
    """The hash of that run's recipe."""


class RunSpec(Value, frozen=True, kw_only=True):
    """One seed of one variant of an experiment, with every default filled in: *what* to run."""

    experiment: Name
    member: str = ""
    title: FolderPart
    group: FolderPart
    seed: Seed
    protocol: Protocol
    data: Data
    model: AnyModel
    penalty: Penalty | None
    optimizer: Optimizer
    scheduler: Scheduler
    training: Training
    factor: tuple[str, ...] = ()
    baseline: str | None = None
    overrides: dict[str, Any] = {}
    fallback_from: str | None = None
    """The data set that was requested, where the offline one is used because it was not available."""
    continued: Continued | UnsetType = UNSET
    """Set in a run that starts from the checkpoint of a finished one; otherwise spec.json has no such key."""

    @property
    def name(self) -> str:
        """`adam@0.01` for a member of a grid, else the experiment's name."""
        return f"{self.experiment}@{self.member}" if self.member else self.experiment

    @property
    def display_title(self) -> str:
        """The title, with the overrides where there are any: `Dropout [epochs=1]`."""
        then = f"continued from epoch {self.continued.epochs}" if self.continued else ""
        return _display_title(self.title, self.overrides, then)

    @property
    def dataset(self) -> str:
        """The name of its data set."""
        return self.data.name

    @property
    def is_foreign(self) -> bool:
        """False: it is labtui's engine that trains it."""
        return False

    @property
    def epochs(self) -> int:
        """Planned epochs."""
        return self.training.epochs


# --- Programs: a command of the user's own ------------------------------------------------------------------------

Scalar = bool | int | float | Annotated[str, Meta(max_length=2_000)]
Parameter = Scalar | Annotated[tuple[Scalar, ...], Meta(max_length=200)]
ParameterName = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z_][A-Za-z0-9_.-]{0,99}\Z",
        description="text of letters, digits, _ . and -, at most 100 characters, beginning with a letter or _",
    ),
]
VariableName = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,99}\Z",
        description="text of letters, digits and _, at most 100 characters, beginning with a letter or _",
    ),
]
Pattern = Annotated[str, Meta(min_length=1, max_length=1_000)]


class Flags(Value, frozen=True, kw_only=True):
    """How `{params}` writes parameters: `--lr=0.1` (gnu), `--lr 0.1` (space) or `lr=0.1` (hydra).

    `bool` says how truth is written: as a value, as a switch that is there or not, or as `--flag` and `--no-flag`.
    `list` says the same for lists: `1,2`, several words, or the flag repeated.
    """

    style: Literal["gnu", "space", "hydra"] = "gnu"
    bool: Literal["value", "switch", "no"] = "value"
    list: Literal["comma", "words", "repeat"] = "comma"


class ReadRules(Value, frozen=True, kw_only=True):
    """Where a program's metrics are found, beside the event files that it writes."""

    log: Annotated[tuple[Pattern, ...], Meta(max_length=32)] = ()
    """Literal text of a line of output, with `{step}`, `{epoch}` or a tag in braces where a number is."""
    jsonl: Pattern | None = None
    """A file with one JSON object per line, relative to the run's folder; may be a glob pattern."""
    csv: Pattern | None = None
    """A file with a header line; likewise."""


class StopRule(Value, frozen=True, kw_only=True):
    """How a program is asked to stop, and how many seconds it has to save."""

    signal: Literal["TERM", "INT", "USR1", "USR2", "HUP"] = "TERM"
    patience: Annotated[float, Meta(ge=0, le=86_400)] = 60.0


class ProgramSpec(Value, frozen=True, kw_only=True):
    """One seed of one variant of an experiment whose training is a program of the user's own."""

    experiment: Name
    member: str = ""
    title: FolderPart
    group: FolderPart
    seed: Seed
    run: Annotated[str, Meta(min_length=1, max_length=10_000)]
    """The command as it is written in the catalog; it is split into words first, and placeholders are filled then."""
    folder: str = ""
    """Where the command runs: the catalog's folder. Not part of the recipe."""
    param: dict[ParameterName, Parameter] = {}
    flags: Flags = Flags()
    env: dict[VariableName, str] = {}
    metric: Metric | None = None
    """What it is judged by; None if nothing was declared."""
    read: ReadRules = ReadRules()
    steps: Annotated[int, Meta(ge=1)] | Pattern | None = None
    """The planned number of steps, or the parameter that says it: `{param.max_iters}`. For progress only."""
    checkpoint: Pattern | None = None
    resume: Annotated[str, Meta(max_length=2_000)] | None = None
    """The words that are appended to the command to resume from the checkpoint."""
    stop: StopRule = StopRule()
    stall: Annotated[float, Meta(ge=10, le=86_400)] = 300.0
    """Seconds without output, metrics or CPU time after which it counts as stalled."""
    inputs: tuple[Pattern, ...] = ()
    code: tuple[Pattern, ...] = ()
    """Patterns of its source files; empty for those that git tracks in its folder."""
    fingerprints: dict[str, str] = {}
    """Of `code` and `inputs`: what the files contained when the run was created."""
    factor: tuple[str, ...] = ()
    baseline: str | None = None
    overrides: dict[str, Any] = {}

    @property
    def name(self) -> str:
        """`adam@0.01` for a member of a grid, else the experiment's name."""
        return f"{self.experiment}@{self.member}" if self.member else self.experiment

    @property
    def is_foreign(self) -> bool:
        """Whether another tool started it: there is no command, and nothing can be run."""
        return not self.run

    @property
    def display_title(self) -> str:
        """The title, with the overrides where there are any: `Script [lr=1]`."""
        return _display_title(self.title, self.overrides)

    @property
    def dataset(self) -> str:
        """The name of a registered data set: none, as its data is its own. `inputs` are part of the recipe."""
        return ""

    @property
    def epochs(self) -> int:
        """Planned epochs; 0, as only its steps may be known."""
        return 0

    @property
    def fallback_from(self) -> None:
        """A program is never moved to another data set."""
        return


Spec = RunSpec | ProgramSpec
"""What one run is: a recipe for labtui's engine, or a program of the user's own."""

RECIPE_KEYS = ("protocol", "data", "model", "penalty", "optimizer", "scheduler", "training")
"""The keys of a RunSpec that determine the result, apart from the seed."""


def recipe(spec: Spec) -> dict[str, Any]:
    """What determines the result of a run apart from its seed, as plain nested dicts and lists.

    `training.log_every` is left out: it changes what is recorded, not what is trained. For a program these are its
    command, its parameters and environment, and the contents of its code and inputs.
    """
    if isinstance(spec, ProgramSpec):
        whole = {"run": spec.run, "param": spec.param, "env": spec.env, **spec.fingerprints}
        return {key: msgspec.to_builtins(value) for key, value in whole.items() if value}
    plain: dict[str, Any] = {key: msgspec.to_builtins(getattr(spec, key)) for key in RECIPE_KEYS}
    del plain["training"]["log_every"]
    if spec.continued:
        plain["continued"] = f"epoch {spec.continued.epochs} of recipe {spec.continued.recipe}"
    return as_written(plain)


def as_written(recipe: dict[str, Any]) -> dict[str, Any]:
    """A plain recipe as the catalog writes it: a user's own code under its name, with its arguments beside that."""
    written = recipe | {"model": _under_its_name(recipe["model"])}
    augment = recipe["data"]["augment"]
    if augment is not None and any("use" in one for one in augment["transforms"]):
        transforms = [_under_its_name(one) for one in augment["transforms"]]
        written["data"] = recipe["data"] | {"augment": augment | {"transforms": transforms}}
    return written


def _under_its_name(table: dict[str, Any]) -> dict[str, Any]:
    if "use" not in table:
        return table
    rest = {key: value for key, value in table.items() if key not in ("name", "use", "arguments")}
    return {"name": table["use"], **table.get("arguments", {}), **rest}


def uses_lab_code(spec: Spec) -> bool:
    """Whether the engine imports the user's own code for a run."""
    if isinstance(spec, ProgramSpec):
        return False
    transforms = spec.data.augment.transforms if spec.data.augment else ()
    return (
        isinstance(spec.model, LabModel)
        or spec.data.source is not None
        or any(isinstance(one, LabTransform) for one in transforms)
    )


def with_defaults(value: Any) -> Any:
    """A value as plain nested dicts and lists, with the keys that are left out of files at their defaults."""
    match value:
        case Struct():
            config = value.__struct_config__
            tag = {config.tag_field: config.tag} if config.tag_field is not None else {}
            return tag | {key: with_defaults(getattr(value, key)) for key in value.__struct_fields__}
        case dict():
            return {key: with_defaults(item) for key, item in value.items()}
        case list() | tuple():
            return [with_defaults(item) for item in value]
        case _:
            return value


def recipe_hash(spec: Spec) -> str:
    """Twelve hexadecimal digits, equal for two specs exactly if only their seeds and labels differ."""
    return hashlib.sha256(msgspec.json.encode(recipe(spec), order="sorted")).hexdigest()[:12]


def flatten(nested: Any, prefix: str = "") -> dict[str, Any]:
    """Nested dicts as one flat dict of dotted keys: `{"optimizer.lr": 0.001, …}`. Lists stay whole."""
    if not isinstance(nested, dict) or not nested:
        return {prefix: nested}
    flat: dict[str, Any] = {}
    for key, value in nested.items():
        flat |= flatten(value, f"{prefix}.{key}" if prefix else key)
    return flat


def differences(left: Spec, right: Spec) -> dict[str, tuple[Any, Any]]:
    """The recipe keys in which two specs differ, each with both values; None where one of them lacks the key."""
    ours, theirs = flatten(recipe(left)), flatten(recipe(right))
    keys = [*ours, *(key for key in theirs if key not in ours)]
    return {key: (ours.get(key), theirs.get(key)) for key in keys if ours.get(key) != theirs.get(key)}


HELD_OUT = 5_000
"""Training images that the standard protocol holds out for `val/…`, where the set is large enough."""


def held_out(protocol: Protocol, train_images: int) -> int:
    """How many training images are held out: none in the report protocol, else 5,000, or a tenth of a small set."""
    return 0 if protocol == "report" else min(HELD_OUT, train_images // 10)


def samples_per_epoch(spec: RunSpec, train_images: int) -> int:
    """The samples of one epoch, including appended augmented ones, for a training set of `train_images` images."""
    plain = max(1, round((train_images - held_out(spec.protocol, train_images)) * spec.data.train_fraction))
    appended = spec.data.augment is not None and spec.data.augment.mode == "append"
    return 2 * plain if appended else plain


def steps_per_epoch(spec: RunSpec, train_images: int) -> int:
    """The optimizer steps of one epoch; the last batch may be smaller."""
    return -(-samples_per_epoch(spec, train_images) // spec.training.batch_size)


class Reference(Value, frozen=True, kw_only=True):
    """Published figures of one run, by tag, each at `epoch`; losses in the unit in which they were published."""

    figures: dict[str, float] = {}
    epoch: Count | None = None
    epochs: dict[str, Count] = {}
    """Per tag, where its figure was published at another epoch than `epoch`."""
    steps: dict[str, Count] = {}
    """Per tag whose step is not an epoch, the step at which its figure was published."""
    relative: dict[str, Duration] = {}
    """Per tag, TensorBoard's Relative column at the published point: time since the curve's first point."""
    around: tuple[str, ...] = ()
    """Tags whose figure was published in words only, as "around"."""
    in_kind: bool = False
    """Comparable in kind only: part of the published setting is unknown."""
    note: Text = ""


class Variant(Value, frozen=True, kw_only=True):
    """One point of an experiment's grid, or the whole experiment where it has none: everything except the seed."""

    spec: Spec
    """Its seed is the experiment's first; `msgspec.structs.replace` gives it another."""
    description: Text = ""
    conclusion: Text = ""
    """What the published report concluded about it, in a sentence."""
    reference: Reference | None = None
    smallest_effect: Annotated[float, Meta(ge=0, le=100)] = 0.5
    """The smallest difference from the baseline that would matter, in the metric's unit (points of accuracy)."""


class Experiment(Value, frozen=True, kw_only=True):
    """A catalog entry, resolved: its variants (one, or one per point of its grid) and its seeds."""

    name: Name
    title: Text
    group: FolderPart
    description: Text = ""
    factor: tuple[str, ...] = ()
    baseline: str | None = None
    seeds: tuple[Seed, ...] = (0,)
    offline_dataset: str | None = None
    metric: EntryMetric | None = None
    variants: tuple[Variant, ...]
    line: int = 0
    """The line of the entry in its file, for messages; 0 where it is unknown."""


def _display_title(title: str, overrides: dict[str, Any], then: str = "") -> str:
    changes = [
        f"{key.partition('.')[2] or key}={_brief(value)}"
        if key.startswith(("training.", "param."))
        else f"{key}={_brief(value)}"
        for key, value in overrides.items()
    ]
    changes += [then] if then else []
    return f"{title} [{', '.join(changes)}]" if changes else title


def _brief(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
