"""The same training by Lightning's Trainer: a peer, measured where it is installed."""

import importlib
import logging
import warnings
from collections.abc import Sequence
from typing import Any

import torch

from bench.clock import timed
from bench.harness import Round, Skipped
from bench.images import images
from bench.recipes import recipe
from bench.report_loop import ReportRun


def lightning(experiment: str, changes: Sequence[str], data: str | None, threads: int, device: str) -> Round:
    """Its Trainer over the report's loader and network, bar, logger and checkpoints off: the peer at its best."""
    pl = _imported()
    torch.set_num_threads(threads)
    run = ReportRun(recipe(experiment, changes), images(data))
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

    return lambda: timed(epoch, device)


def _imported() -> Any:
    try:
        pl: Any = importlib.import_module("lightning")
    except ImportError as fault:
        raise Skipped("lightning is not installed (pip install 'labtui[bench]')") from fault
    for name in ("lightning", "lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    # It advises to take more workers: those are a contender of their own.
    warnings.filterwarnings("ignore")
    return pl


def _module(pl: Any, run: ReportRun) -> Any:
    class Classifier(pl.LightningModule):  # type: ignore[misc]  # it may be absent where types are checked
        """What its documentation shows for a classifier, with the report's two running figures."""

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
