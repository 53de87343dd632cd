"""What the report's words mean."""

from labtui.compare.report.document import Block, Bullets, Heading, lead

_WORDS = {
    "Factor.": "What an experiment declares that it changes. Only that is under test.",
    "Baseline, matched baseline.": (
        "What a row is compared with. Where the declared baseline differs in more than the factor, the run that "
        "differs in the factor alone is looked up and judged instead: the matched one."
    ),
    "Confounded.": (
        "Something else differs as well, so the difference cannot be put down to the factor. It is shown, not judged."
    ),
    "Gain, loss.": (
        "The whole interval lies beyond zero. The direction is shown; the size is somewhere in the interval. "
        "“Budget ×2” beside it: the row also worked through twice the images."
    ),
    "No difference that matters.": "The whole interval lies within the smallest effect that was declared to matter.",
    "Undecided.": (
        "The interval holds both zero and effects that would matter. It is not “no effect”: more seeds are needed, and "
        "the row says how many."
    ),
    "Not judged.": "One seed, nothing to compare with, a confound, or a baseline that has learned nothing.",
    "95% interval.": (
        "Made so that 95 of 100 such intervals hold the true difference, where seeds scatter normally. Those of judged "
        "rows are widened after Holm, because a table of many rows gives chance many tries."
    ),
    "Image by image.": (
        "Which test images one trained network gets right and another wrong. It speaks of these two networks; other "
        "seeds give others."
    ),
    "Dead run, not started.": (
        "At chance: no better than guessing. Dead if its loss stands still, not started if it still falls."
    ),
}


def words() -> list[Block]:
    """The glossary."""
    return [
        Heading(2, "What the words mean"),
        Bullets(tuple(lead(term, meaning) for term, meaning in _WORDS.items())),
    ]
