"""Models of torchvision and timm by name, and weights for them from a file or from torchvision's registry."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from labtui.errors import MachineError, UsageError
from labtui.lab_code import file_hash
from labtui.spec import LibraryModel, is_weights_path
from labtui.text.clean import clean_line

Say = Callable[[str], None]

_MOST_REPLACED = 4
"""Tensors of the last layer, or of two heads, that have another shape for another number of classes."""

_WITHOUT_SECOND_OUTPUT = {
    "googlenet": {"aux_logits": False, "init_weights": True},
    "inception_v3": {"aux_logits": False, "init_weights": True},
}
"""torchvision's models that return more than logits in training unless they are asked not to."""


def build_library_model(model: LibraryModel, *, channels: int, classes: int, folder: Path, say: Say) -> nn.Module:
    """The model for `classes` classes, with its weights if it names some; `folder` is that of the catalog.

    Raises UsageError for names that the library does not have and for images that do not fit, and MachineError for a
    library or weights that are not available.
    """
    library, _, name = model.use.partition(":")
    network = (
        _from_torchvision(name, channels, classes) if library == "torchvision" else _from_timm(name, channels, classes)
    )
    if model.weights is not None:
        state = (
            _weights_file(model.weights, model.weights_fingerprint, folder)
            if is_weights_path(model.weights)
            else _named_weights(library, name, model.weights)
        )
        _load(network, state, model.weights, say)
    return network


def _from_torchvision(name: str, channels: int, classes: int) -> nn.Module:
    try:
        from torchvision import models  # deferred: takes over a second, and other models do not need it
    except Exception as error:  # a wheel built for another torch can fail in many ways
        raise _not_importable("torchvision", error) from error
    if name not in models.list_models(module=models):
        raise _unknown(f"torchvision:{name}", models.list_models(module=models))
    if channels != 3:
        raise UsageError(
            f"model.name: torchvision's models take images of 3 channels; these have {channels}.",
            advice='timm\'s models take any number of channels, as in model.name = "timm:resnet18".',
        )
    network: nn.Module = models.get_model(
        name, weights=None, num_classes=classes, **_WITHOUT_SECOND_OUTPUT.get(name, {})
    )
    return network


def _from_timm(name: str, channels: int, classes: int) -> nn.Module:
    try:
        import timm  # deferred: an extra
    except ImportError as error:
        raise MachineError(
            "timm is not installed, which this model needs.",
            advice=f"Install it with: {sys.executable} -m pip install 'labtui[timm]'",
        ) from error
    except Exception as error:  # a wheel built for another torch can fail in many ways
        raise _not_importable("timm", error) from error
    if not timm.is_model(name):
        raise _unknown(f"timm:{name}", timm.list_models())
    network: nn.Module = timm.create_model(name, pretrained=False, num_classes=classes, in_chans=channels)
    return network


def _unknown(name: str, known: list[str]) -> UsageError:
    import difflib

    library, _, wanted = name.partition(":")
    near = difflib.get_close_matches(wanted, known, n=3)
    hint = f" Did you mean {' or '.join(f'{library}:{one}' for one in near)}?" if near else ""
    return UsageError(f"model.name: {library} has no model {wanted!r}.{hint}")


def _not_importable(library: str, error: Exception) -> MachineError:
    return MachineError(
        f"{library} cannot be imported: {type(error).__name__}: {clean_line(str(error), 200)}.",
        advice=f"Fix this with: {sys.executable} -m pip install --force-reinstall torch torchvision",
    )


def _weights_file(weights: str, fingerprint: str | None, folder: Path) -> dict[str, Any]:
    """The tensors in a file, which must have the recipe's fingerprint; loaded without executing anything."""
    path = folder / Path(weights).expanduser()
    try:
        found = file_hash(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise MachineError(
            f"model.weights: {path} does not exist.", advice="It is seen from the catalog's folder."
        ) from error
    except Exception as error:  # damaged files and refused pickles raise many types
        why = clean_line(str(error).partition("\n")[0], 200)
        raise MachineError(
            f"model.weights: {path} cannot be loaded as weights ({why}).",
            advice="Only tensors are loaded, and no code is run: save them with torch.save(model.state_dict(), path).",
        ) from error
    if fingerprint not in (None, found):
        raise MachineError(
            f"model.weights: {path} is not the file that this run was planned with ({found}, not {fingerprint}).",
            advice="Start the experiment as a new run, or restore the file.",
        )
    for key in ("state_dict", "model"):
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if not isinstance(content, dict) or not all(isinstance(one, torch.Tensor) for one in content.values()):
        raise MachineError(f"model.weights: {path} holds no tensors by name, as model.state_dict() gives them.")
    return content


def _named_weights(library: str, name: str, weights: str) -> dict[str, Any]:
    """Weights of torchvision's registry, such as DEFAULT or IMAGENET1K_V1, fetched once into torch's cache."""
    if library != "torchvision":
        raise UsageError(
            f"model.weights: {weights!r} is not the path of a file; weights of timm are not fetched by name.",
            advice="Set model.weights to the path of a file with a state_dict.",
        )
    from torchvision import models

    registered = models.get_model_weights(name)
    known = [one.name for one in registered]
    if weights not in (*known, "DEFAULT"):
        raise UsageError(f"model.weights: {name} has no weights {weights!r}. There are: DEFAULT, {', '.join(known)}.")
    chosen = registered[weights]
    try:
        state: dict[str, Any] = chosen.get_state_dict(progress=False, check_hash=True, weights_only=True)
    except Exception as error:  # urllib, the disk and the check of the hash raise many types
        raise MachineError(
            f"model.weights: {name}'s weights {chosen.name} cannot be fetched ({clean_line(str(error), 200)}).",
            advice=f"Download {chosen.url} elsewhere, and set model.weights to the path of the file.",
        ) from error
    return state


def _load(network: nn.Module, state: dict[str, Any], weights: str, say: Say) -> None:
    """Load all tensors that fit; those of another shape are the last layer's, for another number of classes."""
    own = network.state_dict()
    wrong = [key for key in own if key not in state or own[key].shape != state[key].shape]
    missing = [key for key in wrong if key not in state and not key.endswith("num_batches_tracked")]
    replaced = [key for key in wrong if key in state]
    if missing or len(replaced) > _MOST_REPLACED:
        example = (missing or replaced)[0]
        what = f"has no {example}" if missing else f"has {len(replaced)} tensors of other shapes, such as {example}"
        raise MachineError(f"model.weights: {clean_line(weights, 200)} {what}: it belongs to another model.")
    network.load_state_dict(
        {key: value for key, value in state.items() if key in own and key not in replaced}, strict=False
    )
    new = f"; new for these classes: {', '.join(replaced)}" if replaced else ""
    say(f"Loaded the weights {clean_line(weights, 200)}{new}.")
