"""`python -m bench.contenders.first_step DATA THREADS`: a script like the report's, up to its first optimizer step.

It prints the time at which that step is done. DATA is the folder of CIFAR-10, or `-` for random images.
"""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader
from torchvision import datasets, transforms


def main(arguments: Sequence[str]) -> None:
    """Load the data with torchvision, create the network, train one step."""
    data, threads = arguments
    torch.set_num_threads(int(threads))
    images: Any
    if data == "-":
        images = datasets.FakeData(50_000, (3, 32, 32), transform=transforms.ToTensor())
    else:
        images = datasets.CIFAR10(Path(data), train=True, transform=transforms.ToTensor())
    model = nn.Sequential(
        nn.Conv2d(3, 10, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(10, 30, 5), nn.ReLU(), nn.Conv2d(30, 60, 5),
        nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(540, 270), nn.ReLU(), nn.Linear(270, 130), nn.ReLU(),
        nn.Linear(130, 10),
    )  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    batch, labels = next(iter(DataLoader(images, batch_size=128, shuffle=True)))
    nn.CrossEntropyLoss()(model(batch), labels).backward()
    optimizer.step()
    print(time.time(), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
