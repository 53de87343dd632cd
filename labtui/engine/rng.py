"""Random generators by purpose: what is drawn depends only on the seed, the purpose and the epoch.

A run that resumes in the middle of an epoch creates the same generators again instead of restoring a position in one.
"""

import hashlib
from typing import Literal

import torch
from torch import Generator, Tensor

Purpose = Literal["order", "augment", "test order", "test augment", "held out", "mix"]


def stream(seed: int, purpose: Purpose, epoch: int = 0) -> Generator:
    """A CPU generator for (seed, purpose, epoch or step), independent of all others and equal on every device.

    torch's CPU generator uses only 32 bits of its seed, so the three values are hashed instead of added up.
    """
    digest = hashlib.blake2b(f"{seed}/{purpose}/{epoch}".encode(), digest_size=4).digest()
    return Generator().manual_seed(int.from_bytes(digest))


def shuffled(count: int, seed: int, purpose: Purpose, epoch: int = 0) -> Tensor:
    """A permutation of 0 … count-1: int64, on the CPU."""
    return torch.randperm(count, generator=stream(seed, purpose, epoch))
