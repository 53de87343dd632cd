"""Fixtures of the engine's tests."""

import pytest
import torch


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    """Threads do not speed up tiny tensors, and one thread gives the same bits on every machine."""
    torch.set_num_threads(1)
