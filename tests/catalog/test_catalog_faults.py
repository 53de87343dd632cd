"""Sixty bad catalogs and more: each says where it is, what was found and what is allowed; the rest is usable."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labtui.catalog import Catalog, Problem, builtin_path, load
from labtui.errors import UsageError
from labtui.text.clean import clean_line
from tests.support.bad_catalogs import BAD, GOOD, Bad

DATASETS = ("cifar10", "digits", "fashion-mnist")


def loaded(folder: Path, content: str | bytes) -> Catalog:
    path = folder / "experiments.toml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return load(path, datasets=DATASETS)


def test_there_are_sixty_of_them_and_no_two_alike() -> None:
    assert len(BAD) >= 60
    assert len({bad.name for bad in BAD}) == len({bad.content for bad in BAD}) == len(BAD)


@pytest.mark.timeout(30)
@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name)
def test_each_problem_is_reported_where_it_is_and_the_good_entries_stay_usable(tmp_path: Path, bad: Bad) -> None:
    catalog = loaded(tmp_path, bad.content)
    found = [(problem.line, problem.key) for problem in catalog.problems]
    assert sorted(found, key=str) == sorted(((one.line, one.key) for one in bad.said), key=str)
    for said in bad.said:
        (problem,) = [problem for problem in catalog.problems if (problem.line, problem.key) == (said.line, said.key)]
        assert said.column in (None, problem.column)
        for words in said.words:
            assert words in problem.message
    assert tuple(experiment.name for experiment in catalog.experiments) == bad.good
    assert {variant.spec.experiment for variant in catalog.select(bad.good)} == set(bad.good)


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name)
def test_a_problem_is_one_clean_line_that_names_file_line_and_key(tmp_path: Path, bad: Bad) -> None:
    for problem in loaded(tmp_path, bad.content).problems:
        text = str(problem)
        assert text == clean_line(text)
        assert len(text) < 1_200
        assert "experiments.toml" in text
        assert problem.line is None or f"experiments.toml:{problem.line}" in text
        assert problem.key in text


def test_a_problem_reads_as_one_sentence_with_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (problem,) = loaded(tmp_path, GOOD + "[experiment.dropout]\noptimizer.lr = -0.1\n").problems
    assert str(problem) == (
        "experiments.toml:14: experiment.dropout.optimizer.lr: -0.1 is not allowed. "
        "Allowed: a number above 0 and at most 1,000."
    )
    assert problem.experiment == "dropout"
    elsewhere = Problem(Path("/other/lab.toml"), 3, 7, "", "is wrong.", None)
    assert str(elsewhere) == "/other/lab.toml:3:7: is wrong."


def test_all_problems_of_all_entries_are_reported_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    catalog = loaded(
        tmp_path,
        GOOD
        + "[experiment.a]\ntraining.epochs = 0\ntraining.batch_size = 0\noptimizer.lr = nan\nmodel.dropuot = [0, 0]\n"
        + "[experiment.b]\nseeds = [\n[experiment.c]\ndata.name = 'mnist'\nextends = 'd'\n",
    )
    assert [problem.line for problem in catalog.problems] == [14, 15, 16, 17, 19, 21, 22]
    assert [problem.experiment for problem in catalog.problems] == ["a"] * 4 + ["b"] + ["c"] * 2


def test_a_problem_in_defaults_is_reported_once_and_names_all_entries_that_inherit_it(tmp_path: Path) -> None:
    catalog = loaded(tmp_path, GOOD.replace('"cnn"', '"cnn"\ntraining.epochs = 0'))
    (problem,) = catalog.problems
    assert (problem.line, problem.key, problem.experiment) == (5, "defaults.training.epochs", None)
    assert problem.entries == ("network", "rates")
    assert catalog.experiments == ()


def test_an_entry_that_replaces_a_broken_default_is_usable(tmp_path: Path) -> None:
    text = GOOD.replace('"adam"', '"adam"\noptimizer.lr = 0') + "[experiment.own]\noptimizer.name = 'sgd'\n"
    catalog = loaded(tmp_path, text)
    assert [problem.key for problem in catalog.problems] == ["defaults.optimizer.lr"]
    assert [experiment.name for experiment in catalog.experiments] == ["rates", "own"]


def test_an_entry_that_extends_a_broken_one_says_to_fix_that_first(tmp_path: Path) -> None:
    catalog = loaded(tmp_path, GOOD + "[experiment.a]\ntitle = 'A\n[experiment.b]\nextends = 'a'\n")
    assert [(problem.line, problem.experiment) for problem in catalog.problems] == [(14, "a"), (16, "b")]
    assert "fix that first" in catalog.problems[1].message


def test_a_problem_in_what_is_not_inherited_stops_only_its_own_entry(tmp_path: Path) -> None:
    catalog = loaded(tmp_path, GOOD + "[experiment.a]\ntitle = '/'\n[experiment.b]\nextends = 'a'\n")
    assert [experiment.name for experiment in catalog.experiments] == ["network", "rates", "b"]


def test_naming_a_broken_entry_lists_its_problems(tmp_path: Path) -> None:
    catalog = loaded(tmp_path, GOOD + "[experiment.a]\ntraining.epochs = 0\n[experiment.b]\nextends = 'a'\n")
    for name in ("a", "b", "a@0.1"):
        with pytest.raises(UsageError, match=r"experiment\.a\.training\.epochs: 0 is not allowed"):
            catalog.select([name])
    assert len(catalog.select(["rates"])) == 2


def test_naming_an_entry_of_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no entry of the catalog can"):
        loaded(tmp_path, "[defaults\n").select(["network"])


def test_an_unknown_name_is_refused_with_the_nearest_ones(tmp_path: Path) -> None:
    catalog = loaded(tmp_path, GOOD)
    with pytest.raises(UsageError, match="Did you mean network"):
        catalog.select(["netwrk"])
    with pytest.raises(UsageError, match=r"Did you mean rates@0\.01 or rates@0\.1\?"):
        catalog.select(["rates@0.001"])
    with pytest.raises(UsageError, match="has no variants"):
        catalog.select(["network@1"])
    with pytest.raises(UsageError, match="network and rates"):
        catalog.experiment("?")


LINES = builtin_path().read_text("utf-8").splitlines(keepends=True)
SNIPPETS = (
    *"[]{}=,.#\"'\n",
    "nan",
    "-1",
    "true",
    '"none"',
    "[0.1]",
    "experiment",
    "extends",
    "grid.",
    "[[",
    "2026-11-23",
)


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_no_mangled_catalog_makes_it_crash(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    lines = list(LINES)
    for _ in range(data.draw(st.integers(1, 4))):
        row = data.draw(st.integers(0, len(lines) - 1))
        place = data.draw(st.integers(0, len(lines[row])))
        cut = data.draw(st.sampled_from([0, 0, 1, 5, 1_000]))
        lines[row] = lines[row][:place] + data.draw(st.sampled_from(SNIPPETS)) + lines[row][place + cut :]
    catalog = loaded(tmp_path_factory.mktemp("mangled"), "".join(lines))
    broken = {name for problem in catalog.problems for name in problem.entries}
    assert not broken & {experiment.name for experiment in catalog.experiments}
    assert all(
        problem.line is None or 1 <= problem.line <= len("".join(lines).split("\n")) for problem in catalog.problems
    )


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    "text",
    [
        "".join(f"[experiment.a{number}]\n" for number in range(40_000)),
        "[experiment.a]\n" + "".join(f"k{number} = 1\n" for number in range(80_000)),
        "".join(f"[experiment.a{number}]\nx = 1\n" for number in range(30_000)),
        "".join(f"[experiment.a{number}]\ngrid.optimizer.lr = {list(range(1, 200))}\n" for number in range(900)),
        "".join(f"[experiment.a{number + 1}]\nextends = 'a{number}'\n" for number in range(900)),
        "[experiment.a]\n" + "grid.optimizer.lr = [" + "1, " * 200_000 + "]\n",
        "[experiment.a]\n" + "".join(f'[experiment.a.member."{number}"]\n' for number in range(20_000)),
        "[[a]]\n" * 150_000,
        "[experiment.a]\nx = '''" + "'\n" * 400_000,
        "[defaults.a" + ".a" * 400 + "]\nb = 1\n[experiment.x.a" + ".a" * 400 + "]\nb = 2\n",
        "[experiment.a]\nseeds = " + "[" * 900_000,
        "".join(f"[experiment.a{number}]\nseeds = [\n" for number in range(30_000)),
    ],
    ids=lambda text: text[:30],
)
def test_a_file_made_to_take_time_or_memory_comes_back_with_few_problems(tmp_path: Path, text: str) -> None:
    catalog = loaded(tmp_path, GOOD + text)
    assert 1 <= len(catalog.problems) <= 250
    assert len(catalog.variants) <= 5_200
