"""The report's training and test loops as its code ran them: the reference of every training figure.

A torchvision-style data set returns PIL images, which pass torchvision's transforms one by one and are collated by a
DataLoader; the loss and the number of correct predictions of every batch are read with `.item()`; Adam and SGD have
torch.optim's defaults. What the report's code wrote for TensorBoard is left out, in favor of the loop.
"""

from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import ConcatDataset, DataLoader, Dataset
from torchvision import transforms

from labtui.datasets.info import Images
from labtui.spec import (
    Adam,
    Augment,
    Cnn,
    ColorJitter,
    HorizontalFlip,
    LabTransform,
    Normalize,
    Resize,
    Rotation,
    RunSpec,
    Transform,
)


class ReportNetwork(nn.Module):
    """The report's module: ReLU before pooling, layers created in this order."""

    def __init__(self, dropout: tuple[float, float] = (0.0, 0.0)) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 10, 5)
        self.conv2 = nn.Conv2d(10, 30, 5)
        self.conv3 = nn.Conv2d(30, 60, 5)
        self.pool = nn.MaxPool2d(2, 2)
        self.fc1 = nn.Linear(60 * 3 * 3, 270)
        self.fc2 = nn.Linear(270, 130)
        self.fc3 = nn.Linear(130, 10)
        self.dropout = tuple(nn.Dropout(p) if p else nn.Identity() for p in dropout)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (n, 10) of images (n, 3, 32, 32)."""
        x = self.pool(torch.relu(self.conv1(images)))
        x = torch.relu(self.conv2(x))
        x = self.pool(torch.relu(self.conv3(x)))
        x = x.view(-1, 60 * 3 * 3)
        x = self.dropout[0](torch.relu(self.fc1(x)))
        x = self.dropout[1](torch.relu(self.fc2(x)))
        logits: Tensor = self.fc3(x)
        return logits


class PilImages(Dataset[tuple[Tensor, int]]):
    """Does what torchvision.datasets.CIFAR10 does: from an array to a PIL image to a transformed tensor."""

    def __init__(self, images: "np.ndarray[Any, Any]", labels: "np.ndarray[Any, Any]", transform: Any) -> None:
        """`images`: uint8, (n, 3, h, w)."""
        self.data = np.ascontiguousarray(images.transpose(0, 2, 3, 1))
        self.targets = [int(label) for label in labels]
        self.transform = transform

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(Image.fromarray(self.data[index])), self.targets[index]


def make_transform(steps: tuple[Transform | LabTransform, ...], normalize: Normalize | None) -> Any:
    """torchvision's equivalents of a spec's transforms, then ToTensor, then the normalization."""
    chain: list[Any] = []
    for step in steps:
        match step:
            case Resize(size=size):
                chain.append(transforms.Resize(size))
            case HorizontalFlip(p=p):
                chain.append(transforms.RandomHorizontalFlip(p))
            case Rotation(degrees=degrees):
                chain.append(transforms.RandomRotation(degrees))
            case ColorJitter(brightness=brightness, contrast=contrast, saturation=saturation, hue=hue):
                chain.append(transforms.ColorJitter(brightness, contrast, saturation, hue))
            case _:
                raise ValueError(f"the report does not use {type(step).__name__}")
    chain.append(transforms.ToTensor())
    if normalize is not None:
        chain.append(transforms.Normalize(normalize.mean, normalize.std))
    return transforms.Compose(chain)


def make_dataset(images: Any, labels: Any, spec: RunSpec, augment: Augment | None) -> Dataset[tuple[Tensor, int]]:
    """The plain images, followed by the augmented ones if `augment` is given."""
    normalize = spec.data.normalize
    assert not isinstance(normalize, str)
    plain = PilImages(images, labels, make_transform((), normalize))
    if augment is None:
        return plain
    augmented = PilImages(images, labels, make_transform(augment.transforms, normalize))
    return ConcatDataset([plain, augmented])


class ReportRun:
    """One run of the report: its data, network and optimizer."""

    def __init__(self, spec: RunSpec, images: Images, device: str = "cpu", workers: int = 0) -> None:
        """`spec` must use the report's protocol; `workers` processes load the data (0: the calling process)."""
        assert isinstance(spec.model, Cnn)
        self.spec = spec
        self.device = torch.device(device)
        count = round(len(images.train) * spec.data.train_fraction)
        augment = spec.data.augment
        train = make_dataset(images.train[:count], images.train_labels[:count], spec, augment)
        test = make_dataset(images.test, images.test_labels, spec, augment if augment and augment.test else None)
        self.train_loader = self._loader(train, spec.training.batch_size, workers)
        self.test_loader = self._loader(test, spec.training.test_batch_size, workers)
        self.model = ReportNetwork(spec.model.dropout).to(self.device)
        self.criterion = nn.CrossEntropyLoss()
        self.optimizer = self._make_optimizer()

    def _loader(self, images: Dataset[Any], batch_size: int, workers: int) -> DataLoader[Any]:
        # Workers persist between epochs, which is the fastest setting.
        return DataLoader(
            images, batch_size=batch_size, shuffle=True, num_workers=workers, persistent_workers=workers > 0
        )

    def _make_optimizer(self) -> torch.optim.Optimizer:
        optimizer = self.spec.optimizer
        if isinstance(optimizer, Adam):
            return torch.optim.Adam(self.model.parameters(), lr=optimizer.lr)
        return torch.optim.SGD(self.model.parameters(), lr=optimizer.lr)

    def _penalty(self) -> Tensor | float:
        penalty = self.spec.penalty
        if penalty is None:
            return 0.0
        weights = torch.cat([parameter.view(-1) for parameter in self.model.fc1.parameters()])
        norm: Tensor = torch.norm(weights, 1 if penalty.norm == "l1" else 2)
        return penalty.weight * norm

    def train_epoch(self) -> int:
        """Train one epoch. Returns the number of samples."""
        running_loss, correct, total = 0.0, 0, 0
        for images, labels in self.train_loader:
            images, labels = images.to(self.device), labels.to(self.device)
            self.optimizer.zero_grad()
            outputs = self.model(images)
            loss = self.criterion(outputs, labels) + self._penalty()
            loss.backward()
            self.optimizer.step()
            running_loss += loss.item()
            predicted = outputs.argmax(dim=1)
            correct += (predicted == labels).sum().item()
            total += labels.size(0)
        return total

    def test_epoch(self) -> int:
        """Test after an epoch, with dropout active as in the report. Returns the number of samples."""
        running_loss, correct, total = 0.0, 0, 0
        with torch.no_grad():
            for images, labels in self.test_loader:
                images, labels = images.to(self.device), labels.to(self.device)
                outputs = self.model(images)
                running_loss += self.criterion(outputs, labels).item()
                correct += (outputs.argmax(dim=1) == labels).sum().item()
                total += labels.size(0)
        return total
