"""The learning-rate schedules that a catalog can name, as functions of the step: they have no state to save."""

import math
from bisect import bisect_right
from collections.abc import Callable

from labtui.spec import Cosine, MultiStep, OneCycle, Scheduler, StepSchedule

Schedule = Callable[[int], float]
"""The learning rate of an optimizer step, counted from 0."""


def make_schedule(scheduler: Scheduler, lr: float, steps_per_epoch: int, steps: int) -> Schedule:
    """The schedule of a spec, for `steps` steps in all; `lr` is the optimizer's rate."""
    match scheduler:
        case Cosine():
            return _cosine(scheduler, lr, steps_per_epoch, steps)
        case OneCycle():
            return _one_cycle(scheduler, lr, steps)
        case StepSchedule(step_size=size, gamma=gamma):
            return lambda step: lr * gamma ** (step // steps_per_epoch // size)
        case MultiStep(milestones=milestones, gamma=gamma):
            ordered = sorted(milestones)
            return lambda step: lr * gamma ** bisect_right(ordered, step // steps_per_epoch)
        case _:
            return lambda _: lr


def _cosine(scheduler: Cosine, lr: float, steps_per_epoch: int, steps: int) -> Schedule:
    warm_up, final = round(scheduler.warmup_epochs * steps_per_epoch), scheduler.final
    fall = max(1, steps - warm_up)

    def rate(step: int) -> float:
        if step < warm_up:
            return lr * (step + 1) / warm_up
        share = min(1.0, (step - warm_up) / fall)
        return lr * (final + (1 - final) * (1 + math.cos(math.pi * share)) / 2)

    return rate


def _one_cycle(scheduler: OneCycle, lr: float, steps: int) -> Schedule:
    """As torch's OneCycleLR with `max_lr = lr` and `total_steps = steps` (Smith and Topin, arXiv 1708.07120)."""
    first, start = lr / scheduler.div_factor, scheduler.pct_start
    last = first / scheduler.final_div_factor
    rates, ends = [first, lr, last], [start * steps - 1, steps - 1.0]
    if scheduler.three_phase:
        rates, ends = [first, lr, first, last], [start * steps - 1, 2 * start * steps - 2, steps - 1.0]
    anneal = _along_a_cosine if scheduler.anneal_strategy == "cos" else _along_a_line

    def rate(step: int) -> float:
        begin = 0.0
        for phase, end in enumerate(ends):
            if step <= end or phase == len(ends) - 1:
                # Phases without a step, as in a training of one step, end where they begin.
                share = (step - begin) / (end - begin) if end > begin else 1.0
                return anneal(rates[phase], rates[phase + 1], min(1.0, max(0.0, share)))
            begin = end
        raise AssertionError("the last phase has no end")

    return rate


def _along_a_cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) / 2 * (1 + math.cos(math.pi * share))


def _along_a_line(start: float, end: float, share: float) -> float:
    return start + (end - start) * share
