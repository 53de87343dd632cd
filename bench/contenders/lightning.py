"""The same training with Lightning's Trainer, if Lightning is installed."""

import importlib
import logging
import warnings
from collections.abc import Sequence
from typing import Any

import torch

from bench.contenders.report_loop import ReportRun
from bench.harness import Round, Skipped
from bench.inputs import load_images, make_spec
from bench.timing import time_device_work


def lightning(experiment: str, changes: Sequence[str], data: str | None, threads: int, device: str) -> Round:
    """Lightning's Trainer with the report's loader and network; progress bar, logger and checkpoints are off."""
    pl = _import_lightning()
    torch.set_num_threads(threads)
    run = ReportRun(make_spec(experiment, changes), load_images(data))
    module = _module(pl, run)

    def epoch() -> float:
        trainer = pl.Trainer(
            max_epochs=1,
            accelerator="gpu" if device == "cuda" else "cpu",
            devices=1,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        trainer.fit(module, run.train_loader)
        return len(run.train_loader.dataset)  # type: ignore[arg-type]  # Dataset has no __len__ of its own

    return lambda: time_device_work(epoch, device)


def _import_lightning() -> Any:
    try:
        pl: Any = importlib.import_module("lightning")
    except ImportError as error:
        raise Skipped("lightning is not installed (pip install 'labtui[bench]')") from error
    for name in ("lightning", "lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    # It suggests more workers, which are a separate contender.
    warnings.filterwarnings("ignore")
    return pl


def _module(pl: Any, run: ReportRun) -> Any:
    class Classifier(pl.LightningModule):  # type: ignore[misc]  # it may not be installed where types are checked
        """A classifier as in Lightning's documentation, with the report's two running metrics."""

        def __init__(self) -> None:
            super().__init__()
            self.model = run.model

        def training_step(self, batch: Any, _: int) -> Any:
            images, labels = batch
            outputs = self.model(images)
            loss = run.criterion(outputs, labels)
            accuracy = (outputs.argmax(dim=1) == labels).float().mean()
            self.log_dict({"loss": loss, "accuracy": accuracy}, on_step=False, on_epoch=True)
            return loss

        def configure_optimizers(self) -> Any:
            return run.optimizer

    return Classifier()
