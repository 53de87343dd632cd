"""Random generators by purpose: what is drawn depends on the seed and on the place in the training, on nothing else.

A run that resumes in the middle of an epoch asks for the same streams again instead of restoring a position in one.
"""

import hashlib
from typing import Literal

import torch
from torch import Generator, Tensor

Purpose = Literal["order", "augment", "test order", "test augment", "held out"]


def stream(seed: int, purpose: Purpose, epoch: int = 0) -> Generator:
    """A generator on the CPU of its own for (seed, purpose, epoch); equal on every device.

    torch's CPU generator reads 32 bits of its seed, so the three are hashed rather than added up.
    """
    digest = hashlib.blake2b(f"{seed}/{purpose}/{epoch}".encode(), digest_size=4).digest()
    return Generator().manual_seed(int.from_bytes(digest))


def shuffled(count: int, seed: int, purpose: Purpose, epoch: int = 0) -> Tensor:
    """A permutation of 0 … count-1, int64, on the CPU."""
    return torch.randperm(count, generator=stream(seed, purpose, epoch))
