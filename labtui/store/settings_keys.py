"""Which hyperparameters are seeds, which only label a run, and which differ between runs."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from labtui.text.words import value_text

SEEDS = (
    "seed",
    "random_seed",
    "manual_seed",
    "seed_everything",
    "global_seed",
    "rng_seed",
    "torch_seed",
    "pl_seed",
    "seed_value",
    "random_state",
    "train_seed",
    "init_seed",
    "np_seed",
    "numpy_seed",
    "python_seed",
    "data_seed",
)
"""Names of seeds, the usual ones first."""

_LABELS = frozenset(
    "output_dir out_dir logging_dir log_dir logdir log_path save_dir save_path ckpt_dir checkpoint_dir "  # noqa: SIM905
    "default_root_dir run_dir work_dir workdir results_dir run_name run_id exp_name experiment_name job_id version "
    "overwrite_output_dir resume_from_checkpoint ckpt_path report_to disable_tqdm log_level log_level_replica "
    "local_rank push_to_hub save_total_limit save_safetensors wandb wandb_id wandb_project wandb_entity hostname host "
    "user pid timestamp _n_gpu _instantiator dirpath".split()
)
"""Names of what says where a run writes and how it is called."""

_LOGGERS = frozenset({"logger", "loggers"})

_LABEL_BEGINNINGS = ("logging_", "hub_", "push_to_hub_")


def is_seed(key: str) -> bool:
    """Whether a hyperparameter is a seed, by the last part of its dotted key."""
    return key.rpartition(".")[2].casefold() in SEEDS


def is_label(key: str) -> bool:
    """Whether a hyperparameter cannot change what is learned: folders of output, names, what is logged."""
    *above, name = key.casefold().split(".")
    return name in _LABELS or name.startswith(_LABEL_BEGINNINGS) or not _LOGGERS.isdisjoint(above)


def varying_keys(runs: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """The hyperparameters that differ between runs, in the order of their first appearance; no labels.

    One that only some runs have differs.
    """
    known = list(runs)
    keys = dict.fromkeys(key for values in known for key in values if not is_label(key))
    return tuple(key for key in keys if any(_differ(known[0], other, key) for other in known[1:]))


def short_names(keys: Iterable[str]) -> dict[str, str]:
    """Each dotted key by the shortest of its ends that no other of the keys has: `lr` for `optimizer.lr`."""
    known = tuple(dict.fromkeys(keys))
    counts = Counter(end for key in known for end in _ends(key))
    return {key: next((end for end in _ends(key) if counts[end] == 1), key) for key in known}


def _ends(key: str) -> list[str]:
    """The ends of a dotted key, the shortest first."""
    parts = key.split(".")
    return [".".join(parts[place:]) for place in range(len(parts) - 1, -1, -1)]


def setting_order(value: Any) -> tuple[int, float, str]:
    """Where a value comes in a list that is sorted by it: numbers, then texts, then runs without it (None)."""
    if value is None:
        return 2, 0.0, ""
    return (0, float(value), "") if isinstance(value, int | float) else (1, 0.0, str(value))


def settings_text(values: Mapping[str, Any], keys: Iterable[str]) -> str:
    """`lr=0.1, dropout=0.2`: these hyperparameters of a run, as far as it has them."""
    names = short_names(keys)
    return ", ".join(f"{name}={value_text(values[key], 40)}" for key, name in names.items() if key in values)


def _differ(one: Mapping[str, Any], other: Mapping[str, Any], key: str) -> bool:
    here, there = one.get(key), other.get(key)
    return here != there or type(here) is not type(there)
