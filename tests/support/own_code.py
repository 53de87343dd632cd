"""A catalog with a user's own code in `lab/` beside it."""

from pathlib import Path

MODELS = """
from typing import Annotated, Literal
import torch
from torch import nn
from .blocks import Block

class Net(nn.Module):
    def __init__(
        self, width: Annotated[int, (2, 64)] = 4, kind: Literal["plain", "deep"] = "plain", *, classes, channels
    ):
        super().__init__()
        self.body = Block(channels, width)
        self.head = nn.Linear(width, classes)

    def forward(self, images):
        return self.head(self.body(images))

class Broken(Net):
    def forward(self, images):
        return self.no_such_layer(images)

def three(classes: int) -> nn.Module:
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 3))

def none(sizes: tuple[int, ...], rate: float | None = None, act=nn.ReLU):
    return None
"""

BLOCKS = """
from torch import nn

class Block(nn.Sequential):
    def __init__(self, channels, width):
        super().__init__(nn.Conv2d(channels, width, 3, stride=2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
"""

TRANSFORMS = """
import random
import numpy as np
import torch

def noise(image, strength: float = 10.0):
    return (image.float() + strength * torch.randn(image.shape)).clamp(0, 255).to(torch.uint8)

class Roll:
    def __init__(self, most: int = 3):
        self.most = most

    def __call__(self, image):
        return image.roll(random.randint(0, self.most) + int(np.random.randint(2)), 2)

def shrink(image):
    return image[:, 1:]
"""

DATASETS = """
import numpy as np

def ramps(count: int = 120, folder=None):
    labels = np.arange(count) % 3
    images = (labels[:, None, None] * 80 + np.zeros((count, 24, 24))).astype(np.uint8)
    return {"x_train": images[20:], "y_train": labels[20:], "x_test": images[:20], "y_test": labels[:20]}

def two():
    return 1, 2
"""

CATALOG = """
[defaults]
protocol = "standard"
group = "Own"
data.name = "digits"
model.name = "Net"
optimizer.name = "adam"
training = { epochs = 2, batch_size = 32 }

[experiment.net]

[experiment.wide]
baseline = "net"
factor = ["model.width"]
model.width = 8

[experiment.widths]
grid.model.width = [2, 6]

[experiment.noisy]
data.augment = { transforms = [{ name = "noise", strength = 20 }, { name = "horizontal_flip" }] }

[experiment.ramps]
data = { name = "ramps", arguments = { count = 60 } }
"""


def write_lab(folder: Path, catalog: str = CATALOG, **files: str) -> Path:
    """The catalog and the code in a folder; `models="…"` replaces or adds lab/models.py."""
    lab = folder / "lab"
    lab.mkdir(parents=True, exist_ok=True)
    contents = {"models": MODELS, "blocks": BLOCKS, "transforms": TRANSFORMS, "datasets": DATASETS} | files
    for name, content in contents.items():
        (lab / f"{name}.py").write_text(content, "utf-8")
    (folder / "experiments.toml").write_text(catalog, "utf-8")
    return folder
