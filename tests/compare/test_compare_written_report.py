"""The written report: complete, self-contained, and the same from the same runs."""

import html.parser
import re
from itertools import pairwise
from pathlib import Path

import pytest

from labtui.compare.cells import Cell, cells
from labtui.compare.looks import History, Looks, looks_of_table, new_looks
from labtui.compare.model import ComparisonTable
from labtui.compare.report import broken_axis, difference_plots
from labtui.compare.report.broken_axis import Bar
from labtui.compare.report.curve_plots import PlotLine, chart_tags
from labtui.compare.report.document import Bullets, Document, Heading, Picture, TableBlock
from labtui.compare.report.figure_style import BASELINE, ink, render
from labtui.compare.report.html import to_html
from labtui.compare.report.markdown import to_markdown
from labtui.compare.report.write import compose, write
from labtui.errors import MachineError
from labtui.spec import Cnn, Data, Penalty, Training
from labtui.store import tags
from labtui.store.state import State
from tests.support.comparisons import (
    curve,
    judged,
    report_run_data,
    report_runs,
    report_variants,
    run,
    run_data,
    runs_of,
    spec,
    variant,
)

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
NOON = 1_800_000_000.0


def small(title: str = "Dropout", conclusion: str = "It <b>helps</b>.") -> tuple[ComparisonTable, tuple[Cell, ...]]:
    """Two experiments without curves: a report without figures but one."""
    base, dropout = (
        spec(baseline=None),
        spec("dropout", title, model=Cnn(dropout=(0.3, 0.2)), factor=("model.dropout",)),
    )
    runs = [*runs_of(base, [60, 61, 62.5]), *runs_of(dropout, [61, 62.2, 63])]
    variants = [variant(base), variant(dropout, conclusion=conclusion, description="Does it help?")]
    return judged(runs, variants), cells(runs)


@pytest.fixture(scope="module")
def whole() -> Document:
    runs = report_runs()
    known = report_run_data(runs)
    table = judged(runs, report_variants(), run_data=known, classes={"cifar10": CLASSES})
    return compose(table, cells(runs), run_data=known, made=NOON)


class Tags(html.parser.HTMLParser):
    """Collects what a browser would fetch, and whether every element is closed."""

    VOID = ("meta", "img", "br")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.fetched: list[str] = []
        self.images: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name in ("src", "href") and value and not value.startswith(("data:", "#")):
                self.fetched.append(value)
            if name == "alt":
                self.images.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_report_has_its_sections_in_order(whole: Document) -> None:
    headings = [block.text for block in whole.blocks if isinstance(block, Heading) and block.level == 2]
    assert headings == [
        "In short", "Question", "Protocol", "Results", "Threats to validity", "Experiment by experiment",
        "Class by class", "What was tried, failed and left out", "Data and recipe", "Environment", "How to reproduce",
        "Glossary",
    ]  # fmt: skip


def in_words(document: Document) -> str:
    """The report without its figures, as Markdown without its escapes."""
    words = tuple(block for block in document.blocks if not isinstance(block, Picture))
    return to_markdown(Document(document.title, words)).text.replace("\\", "")


def test_the_threats_to_validity_are_computed_from_the_runs(whole: Document) -> None:
    text = in_words(whole).partition("## Threats to validity")[2].partition("## ")[0]
    for said in (
        "learn from one training set of 50,000 images and are tested on one test set of 10,000 images",
        "Every row has 3 seeds. The runs do not say how that number was chosen.",
        "**Looks.**",
        "9 comparisons of this table are judged, together, by Holm's method",
        "adam (3 settings) and sgd (3 settings)",
        "Adam 0.01: 3 never learned, of 3 seeds",
        "None: every run of this folder is in the table.",
        "Norm_Aug: ×2 compared with Adam 0.001",
        "differ from their declared baseline in more than their factor",
        "data.train_fraction (Network)",
    ):
        assert said in text


def test_runs_that_are_not_in_the_table_are_named(whole: Document) -> None:
    base, dropout = spec(baseline=None), spec("dropout", "Dropout", model=Cnn(dropout=(0.3, 0.2)))
    runs = [*runs_of(base, [60, 61, 62]), *runs_of(dropout, [61, 62])]
    runs += [run(base, 0, {}, state=State.STOPPED, created=1.0), run(dropout, 2, {}, state=State.DIVERGED)]
    text = in_words(compose(judged(runs, [], names=["network"]), cells(runs), run_data=run_data(), made=NOON))
    threats = text.partition("**Runs not shown.**")[2].partition("\n")[0]
    assert threats.startswith(" 1 run of the rows themselves (1 stopped) and 3 runs of Dropout (2 finished, 1 failed).")
    assert "| Network | 4 | 3 |  | 1 |  |  | 3 |  |" in text
    assert "| Dropout | 3 | 2 | 1 |  |  |  |  | not in the table |" in text


def test_data_recipe_run_ids_and_costs_are_given_in_full(whole: Document) -> None:
    text = in_words(whole).partition("## Data and recipe")[2]
    for said in (
        "| Network | cifar10 | 25,000 plain, the first 50% | none | 10,000 | ffffffffffff |",
        "10 classes of cifar10: airplane, automobile,",
        "| optimizer.lr | 0.001 |",
        "| fc1 | 540 -> 270 | 146,070 |",
        "resize(size 32), horizontal_flip(p 0.5), rotation(degrees 10), color_jitter(brightness 0.3, contrast 0.2, ",
        "| Adam 0.01 | 0 | Cifar/Adam 0.01/s0-1000 | never learned | 10 |",
        "In total 39 runs,",
    ):
        assert said in text


def test_overrides_that_all_rows_share_are_said_once_in_the_heading() -> None:
    short = Training(epochs=5)
    base = spec(baseline=None, training=short, overrides={"training.epochs": 5})
    dropout = spec("dropout", "Dropout", model=Cnn(dropout=(0.3, 0.2)), training=short, overrides=base.overrides)
    runs = [*runs_of(base, [60, 61, 62]), *runs_of(dropout, [61, 62, 63])]
    document = compose(judged(runs, []), cells(runs), run_data=run_data(), made=NOON)
    assert document.title == "Lab report: test/accuracy of 2 experiments, all with epochs=5"
    assert "[epochs=5]" not in in_words(document)
    assert re.search(r"labtui run [a-z ]+ --epochs 5 --seeds 0-2", in_words(document))
    alone = [*runs_of(spec(baseline=None), [60, 61]), *runs_of(dropout, [61, 62])]
    assert "Dropout [epochs=5]" in in_words(compose(judged(alone, []), cells(alone), run_data=run_data(), made=NOON))


def test_every_experiment_has_a_section_with_its_charts(whole: Document) -> None:
    pictures = [block.name for block in whole.blocks if isinstance(block, Picture)]
    experiments = ("network", "augmentation", "normalization", "norm_aug", "dropout", "l1", "l2", "adam", "sgd")
    assert pictures == [
        "seeds", "differences", "expected-best", *(f"charts-cifar10-{name}" for name in experiments), "class-accuracy",
        "class-differences",
    ]  # fmt: skip


def test_html_is_well_formed_and_fetches_nothing() -> None:
    table, of = small()
    reader = Tags()
    text = to_html(compose(table, of, run_data=run_data(), made=NOON))
    reader.feed(text)
    assert reader.open == []
    assert reader.fetched == []
    assert "http://" not in re.sub(r"data:image[^\"]*", "", text)
    assert all(reader.images)


def test_words_from_outside_are_text_in_html_and_in_markdown() -> None:
    table, of = small(conclusion="It <script>alert(1)</script> | helps *a lot*")
    document = compose(table, of, run_data=run_data(), made=NOON)
    assert "<script" not in to_html(document)
    assert r"\| helps \*a lot\*" in to_markdown(document).text


def test_the_verdict_stands_beside_what_was_concluded() -> None:
    table, of = small()
    text = to_html(compose(table, of, run_data=run_data(), made=NOON))
    assert "<b>The report concluded</b>It &lt;b&gt;helps&lt;/b&gt;." in text
    assert re.search(r"<b>These runs say</b>Against Network: \+\d.\d\d points \(95% interval", text)


def test_the_same_runs_give_the_same_bytes() -> None:
    table, of = small()
    one, other = (to_html(compose(table, of, run_data=run_data(), made=NOON)) for _ in range(2))
    assert one == other


def test_markdown_shows_every_figure_that_it_brings(whole: Document) -> None:
    picture = next(block for block in whole.blocks if isinstance(block, Picture))
    words = (block for block in whole.blocks if not isinstance(block, Picture))
    written = to_markdown(Document(whole.title, (*words, picture)))
    assert list(written.figures) == ["figures/seeds.png"]
    assert "](figures/seeds.png)" in written.text
    assert all(content.startswith(b"\x89PNG") for content in written.figures.values())


def test_confounded_lines_are_marked_as_such_and_claims_as_claims(whole: Document) -> None:
    grid = next(block for block in whole.blocks if isinstance(block, TableBlock) and "verdict" in block.head)
    kinds = {(line.texts[-1], line.kind) for line in grid.lines}
    assert kinds == {
        ("baseline", ""), ("confounded", "confounded"), ("gain", "gain"), ("gain, budget ×2", "gain"), ("loss", "loss"),
        ("undecided", ""), ("0 of 3 learned", ""),
    }  # fmt: skip


def test_a_row_far_out_breaks_the_axis_and_near_ones_do_not() -> None:
    near, far = [Bar((1.0,), (0.5, 1.5)), Bar((2.0,), (1.0, 3.0))], Bar((-40.0,), (-40.5, -39.5))
    assert len(broken_axis.parts(near, (0.0, 0.0))) == 1
    left, right = broken_axis.parts([*near, far], (0.0, 0.0))
    assert left[0] < -40 < left[1] < right[0] < 0 < 3 < right[1]
    assert len(difference_plots.difference_spans(small()[0])) == 1


def test_a_very_wide_interval_does_not_squeeze_the_others() -> None:
    usual = [Bar((float(place),), (place - 1.0, place + 1.0)) for place in range(5)]
    ((low, high),) = broken_axis.parts([*usual, Bar((2.0,), (-300.0, 304.0))])
    assert -4 < low < -1
    assert 5 < high < 8


def test_every_seed_is_a_dot_in_the_strip_plot_and_every_failed_one_a_cross(whole: Document) -> None:
    picture = next(block for block in whole.blocks if isinstance(block, Picture) and block.name == "seeds")
    with ink():
        figure = picture.draw()
    markers = [line.get_marker() for axis in figure.axes for line in axis.lines]
    assert markers.count("o") == 10 * 3
    assert markers.count("x") == 3 * 3
    assert markers.count("|") == 10
    assert "A cross at the edge is a seed that failed" in picture.caption


def test_no_label_of_the_forest_plot_lies_on_its_axis(whole: Document) -> None:
    picture = next(block for block in whole.blocks if isinstance(block, Picture) and block.name == "differences")
    with ink():
        figure = picture.draw()
        figure.canvas.draw()
    *panels, column = figure.axes
    assert [text.get_text() for panel in panels for text in panel.texts] == []
    assert {"undecided", "gain", "loss"} & {text.get_text() for text in column.texts}
    left = min(text.get_window_extent().x0 for text in column.texts)
    assert left >= max(panel.get_window_extent().x1 for panel in panels)
    assert len(panels) > 1
    assert "The axis is broken between" in picture.caption


def test_no_numbers_of_a_broken_axis_overlap(whole: Document) -> None:
    for name in ("seeds", "differences"):
        picture = next(block for block in whole.blocks if isinstance(block, Picture) and block.name == name)
        with ink():
            figure = picture.draw()
            figure.canvas.draw()
        for panel in figure.axes[:-1]:
            low, high = panel.get_xlim()
            boxes = [
                label.get_window_extent()
                for value, label in zip(panel.get_xticks(), panel.get_xticklabels(), strict=True)
                if low <= value <= high
            ]
            assert all(left.x1 < right.x0 for left, right in pairwise(boxes))


def test_the_short_form_has_interval_and_n_on_each_difference() -> None:
    table, of = small()
    (points,) = [
        block for block in compose(table, of, run_data=run_data(), made=NOON).blocks if isinstance(block, Bullets)
    ][:1]
    text = "".join(piece.text for piece in points.items[0])
    assert re.fullmatch(r"Gain\. Dropout \+0\.90 \[0\.00, \+1\.80\] against Network, n = 3 and 3\.", text)


def test_the_expected_best_of_a_search_is_a_curve_with_its_numbers(whole: Document) -> None:
    picture = next(block for block in whole.blocks if isinstance(block, Picture) and block.name == "expected-best")
    with ink():
        (axis,) = picture.draw().axes
    assert [len(line.get_xdata()) for line in axis.lines] == [3, 3]
    assert "Expected best of adam's 3 values of optimizer.lr:" in in_words(whole)


def test_that_nothing_was_concluded_is_said_once(whole: Document) -> None:
    text = in_words(whole)
    assert text.count("Nothing was concluded about") == 1


def test_the_heat_map_of_one_seed_says_that_it_has_no_standard_error() -> None:
    captions = {}
    for seeds in (1, 3):
        runs = report_runs(seeds)
        known = report_run_data(runs)
        table = judged(runs, report_variants(), run_data=known, classes={"cifar10": CLASSES})
        blocks = compose(table, cells(runs), run_data=known, made=NOON).blocks
        captions[seeds] = next(
            block.caption for block in blocks if isinstance(block, Picture) and block.name == "class-accuracy"
        )
    assert "One seed each (n = 1): there is no standard error over seeds." in captions[1]
    assert "± is the standard error over seeds" in captions[3]


def test_the_ratio_of_losses_says_when_each_of_them_is_counted(whole: Document) -> None:
    text = in_words(whole)
    assert (
        "The train loss is counted during the epoch, while the network still learns, and the test loss after it" in text
    )


def test_a_figure_turns_dark_on_a_dark_page_and_a_png_stays_on_white(whole: Document) -> None:
    picture = next(block for block in whole.blocks if isinstance(block, Picture) and block.name == "seeds")
    with ink():
        svg = render(picture.draw(), "svg").decode()
    assert "@media screen and (prefers-color-scheme: dark)" in svg
    assert "fill: #ffffff" not in svg.split("<defs>")[1]


def test_charts_of_the_reports_runs_can_be_drawn(whole: Document) -> None:
    picture = next(block for block in whole.blocks if isinstance(block, Picture) and block.name.endswith("-l1"))
    with ink():
        figure = picture.draw()
        drawn = render(figure, "svg")
    titles = [axis.get_title(loc="left") for axis in figure.axes]
    assert titles == [
        "Loss on Minibatches [cross-entropy]", "Train Loss [original report's scale]",
        "Test Loss [original report's scale]",
        "Accuracy on minibatches [%]", "Train accuracy [%]", "Test accuracy [%]",
    ]  # fmt: skip
    assert figure.axes[0].get_yscale() == "log"
    assert drawn.startswith(b"<?xml")
    assert "include its penalty" in picture.caption or "scale" in picture.caption


def test_published_figures_are_marked_where_they_were_published(whole: Document) -> None:
    picture = next(block for block in whole.blocks if isinstance(block, Picture) and block.name.endswith("-sgd"))
    with ink():
        figure = picture.draw()
    accuracy = next(axis for axis in figure.axes if axis.get_title(loc="left") == "Test accuracy [%]")
    marks = [line.get_xydata().tolist()[0] for line in accuracy.lines if line.get_marker() == "D"]
    assert marks == [[9, 24.13], [9, 10], [9, 10.02]]


def test_the_heat_maps_can_be_drawn(whole: Document) -> None:
    picture = next(block for block in whole.blocks if isinstance(block, Picture) and block.name == "class-differences")
    with ink():
        (axis,) = picture.draw().axes
    assert [label.get_text() for label in axis.get_xticklabels()] == list(CLASSES)
    assert len(axis.texts) == 12 * 10


def test_curves_of_other_images_are_not_put_side_by_side_without_a_word(whole: Document) -> None:
    captions = {block.name: block.caption for block in whole.blocks if isinstance(block, Picture)}
    assert captions["charts-cifar10-augmentation"].endswith(
        "Test Loss and Test accuracy of Augmentation are measured on different images from the baseline's "
        "(20,000, half of them with random transforms; 10,000 plain)."
    )
    assert "dropout is active on one side only" in captions["charts-cifar10-dropout"]
    assert "not on the baseline's scale" in captions["charts-cifar10-l2"]


def test_a_standard_run_gets_the_charts_of_its_own_tags() -> None:
    known = {tag: curve(tag, [1.0, 0.5]) for tag in (tags.VAL_LOSS, tags.VAL_ACCURACY, tags.LEARNING_RATE)}
    assert chart_tags([PlotLine("A", BASELINE, (known,))]) == [tags.VAL_LOSS, tags.VAL_ACCURACY]


def test_the_commands_repeat_the_runs() -> None:
    table, of = small()
    text = to_markdown(compose(table, of, run_data=run_data(), made=NOON)).text
    assert "labtui run network dropout --seeds 0-2\nlabtui report" in text


def test_the_commands_repeat_failed_seeds_as_well_and_name_a_replacement_data_set() -> None:
    base, digits = spec(baseline=None), spec(baseline=None, data=Data(name="digits"))
    runs = [*runs_of(digits, [60, 61]), run(digits, 2, {}, state=State.DIVERGED)]
    document = compose(judged(runs, [variant(base), variant(digits)]), cells(runs), run_data=run_data(), made=NOON)
    assert "labtui run network --dataset digits --seeds 0-2\n" in in_words(document)


def test_looks_and_the_size_of_the_family_are_in_the_threats() -> None:
    base, dropout = spec(baseline=None), spec("dropout", "Dropout", model=Cnn(dropout=(0.3, 0.2)))
    l1 = spec("l1", "L1", penalty=Penalty(norm="l1", weight=0.5))
    variants = [variant(one) for one in (base, dropout, l1)]
    runs = [*runs_of(base, [60, 61, 62.5]), *runs_of(dropout, [61, 62.2, 63]), *runs_of(l1, [60, 61, 62.1])]
    first = judged(runs, variants)
    history = History(new_looks(History(), looks_of_table(first).items(), NOON))
    runs += [run(one, 3, {tags.TEST_ACCURACY: 62.0}) for one in (base, dropout)]
    table = judged(runs, variants, names=["dropout"], looks=Looks(history=history))
    text = in_words(compose(table, cells(runs), run_data=run_data(), made=NOON))
    assert "the interval is valid for any number of looks: Dropout (second look)" in text
    assert "among 2 that were tried, shown or not" in text


def test_a_report_on_nothing_is_still_a_report() -> None:
    document = compose(judged([], []), [], run_data=run_data(), made=NOON)
    assert "Glossary" in to_html(document)


def test_writing_makes_both_files_and_replaces_older_ones(tmp_path: Path) -> None:
    table, of = small()
    (tmp_path / "report.md").write_text("old")
    paths = write(tmp_path / ".", table, of, run_data=run_data(), made=NOON)
    assert sorted(path.name for path in paths) == ["report.html", "report.md"]
    assert (tmp_path / "report.md").read_text().startswith("# Lab report: test/accuracy of 2 experiments")
    assert (tmp_path / "figures" / "differences.png").is_file()


def test_a_folder_that_cannot_be_written_is_a_machine_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    table, of = small()
    with pytest.raises(MachineError, match="cannot be written") as raised:
        write(tmp_path / "file", table, of, forms=("md",), run_data=run_data(), made=NOON)
    assert raised.value.exit_code == 3


FAULTS = {
    "Network": (
        "a poor baseline: 12 of 12 rows differ from it",
        "a gap of 12.5%, not 50.1%",
        "The text also calls the test accuracy 60",
    ),
    "Augmentation": ("is +1.67", "on other test images", "images seen ×4", "only roughly comparable"),
    "Normalization": ("is +1.98", "data.train_fraction (0.5 in Network, 1 here)"),
    "Norm_Aug": ("is +5.06", "on other test images", "images seen ×4"),
    "Dropout": ("is −3.22", "dropout active in the test", "one setting tried"),
    "L1": ("is −28.98", "it starts at 1,572", "the train figure includes the penalty", "one setting tried"),
    "L2": ("is −16.59", "the train figure includes the penalty", "one setting tried"),
    "Adam 0.01": ("the published run learned nothing",),
    "Adam 0.001": ("is not due to optimizer.lr, which is the same", "the best of 3 by test/accuracy"),
    "Adam 0.0001": ("one seed each: their spread is unknown",),
    "SGD 0.01": ("the grid ends at its best value", "at epoch 9, Network at epoch 10"),
    "SGD 0.001": ("the loss of guessing", "the published run learned nothing"),
    "SGD 0.0001": ("the loss of guessing", "the published run learned nothing"),
}
"""What is wrong with each published figure, as the report itself shows."""


@pytest.mark.parametrize("title", FAULTS)
def test_every_fault_of_the_published_report_stands_on_its_row(whole: Document, title: str) -> None:
    text = in_words(whole).partition("## Experiment by experiment")[2].partition("\n## ")[0]
    section = re.split(rf"^#+ {re.escape(title)}$", text, maxsplit=1, flags=re.MULTILINE)[-1]
    own = re.split(r"^#{3,4} ", section, maxsplit=1, flags=re.MULTILINE)[0]
    for fault in FAULTS[title]:
        assert fault in own


def test_published_times_stand_beside_the_published_figures(whole: Document) -> None:
    assert "| Augmentation | Test accuracy | 65.93 | 10 | 10m 48s |" in in_words(whole)
