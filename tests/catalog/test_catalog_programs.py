"""Entries whose training is a program of the user's own."""

import re
from pathlib import Path
from typing import Any

import pytest

from labtui.catalog import Catalog, fields, load, override
from labtui.errors import UsageError
from labtui.program import PLACEHOLDERS, Place, command_words, environment, line_pattern, planned_steps
from labtui.spec import Flags, Metric, ProgramSpec, flatten, recipe, recipe_hash

GPT = """
[defaults]
group = "Mine"
optimizer = { name = "adam", lr = 0.1 }
data.name = "digits"

[experiment.gpt]
run = "python train.py 'a b' --out={run_dir} --seed={seed} --device={device} {params}"
param = { lr = 1e-3, dropout = 0.2, steps = 50, name = "x y", layers = [1, 2], nesterov = true }
env.LOGS = "{run_dir}/tb"
metric = { tag = "val/loss", better = "lower", unit = "nats" }
steps = "{param.steps}"
checkpoint = "{run_dir}/*.pt"
resume = "--resume={checkpoint}"

[experiment.calm]
extends = "gpt"
baseline = "gpt"
factor = ["param.dropout"]
param.dropout = 0.0

[experiment.rates]
extends = "gpt"
baseline = "gpt"
grid.param.lr = [0.1, 0.01]
"""

PLACE = Place(run_dir="/runs/a b", device="cuda:1", threads=2)


def read(tmp_path: Path, text: str) -> Catalog:
    path = tmp_path / "experiments.toml"
    path.write_text(text, "utf-8")
    return load(path, datasets=("digits",))


def spec_of(catalog: Catalog, name: str) -> ProgramSpec:
    assert catalog.problems == ()
    spec = catalog.select([name])[0].spec
    assert isinstance(spec, ProgramSpec)
    return spec


def test_an_entry_with_a_command_becomes_a_program_without_the_recipe_of_the_defaults(tmp_path: Path) -> None:
    catalog = read(tmp_path, GPT)
    gpt, calm = spec_of(catalog, "gpt"), spec_of(catalog, "calm")
    assert (gpt.group, gpt.metric) == ("Mine", Metric(tag="val/loss", better="lower", unit="nats"))
    assert {key for key in flatten(recipe(gpt)) if recipe(gpt) and key not in flatten(recipe(calm))} == set()
    assert (calm.param["dropout"], calm.param["lr"], calm.factor, calm.baseline) == (
        0.0,
        1e-3,
        ("param.dropout",),
        "gpt",
    )
    assert [variant.spec.name for variant in catalog.select(["rates"])] == ["rates@0.1", "rates@0.01"]
    assert recipe_hash(gpt) != recipe_hash(calm)


def test_a_value_with_spaces_stays_one_word_and_only_one_gpu_is_named(tmp_path: Path) -> None:
    words = command_words(spec_of(read(tmp_path, GPT), "gpt"), PLACE)
    assert words == [
        "python", "train.py", "a b", "--out=/runs/a b", "--seed=0", "--device=cuda", "--lr=0.001", "--dropout=0.2",
        "--steps=50", "--name=x y", "--layers=1,2", "--nesterov=True",
    ]  # fmt: skip
    assert environment(spec_of(read(tmp_path, GPT), "gpt"), PLACE) == {
        "LABTUI_RUN_DIR": "/runs/a b",
        "LABTUI_SEED": "0",
        "LOGS": "/runs/a b/tb",
    }


def test_a_checkpoint_appends_the_words_that_resume(tmp_path: Path) -> None:
    spec = spec_of(read(tmp_path, GPT), "gpt")
    resumed = Place(run_dir="/r", device="cpu", threads=1, checkpoint="/r/2.pt")
    assert command_words(spec, resumed)[-1] == "--resume=/r/2.pt"
    assert command_words(spec, resumed)[:-1] == command_words(spec, Place(run_dir="/r", device="cpu", threads=1))


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (Flags(style="space"), ["--lr", "0.1", "--on", "True", "--l", "1,2"]),
        (Flags(style="hydra"), ["lr=0.1", "on=true", "l=[1,2]"]),
        (Flags(bool="switch", list="words"), ["--lr=0.1", "--on", "--l", "1", "2"]),
        (Flags(bool="no", list="repeat"), ["--lr=0.1", "--on", "--l=1", "--l=2"]),
    ],
)
def test_parameters_are_written_in_the_style_that_the_program_reads(flags: Flags, words: list[str]) -> None:
    spec = ProgramSpec(
        experiment="x", title="x", group="g", seed=0, run="p {params}",
        param={"lr": 0.1, "on": True, "l": (1, 2)}, flags=flags,
    )  # fmt: skip
    assert command_words(spec, PLACE)[1:] == words


def test_a_false_switch_is_left_out_or_negated() -> None:
    spec = ProgramSpec(experiment="x", title="x", group="g", seed=0, run="p {params}", param={"on": False})
    assert command_words(spec, PLACE)[1:] == ["--on=False"]
    for kind, words in (("switch", []), ("no", ["--no-on"])):
        changed = ProgramSpec(
            **{**{key: getattr(spec, key) for key in spec.__struct_fields__}, "flags": Flags(bool=kind)}
        )
        assert command_words(changed, PLACE)[1:] == words


def test_an_override_keeps_the_type_of_the_default_and_is_a_difference_of_the_recipe(tmp_path: Path) -> None:
    spec = spec_of(read(tmp_path, GPT), "gpt")
    changed = override(spec, ["dropout=0", "param.steps=80", "layers=3, 4", "nesterov=false"])
    assert isinstance(changed, ProgramSpec)
    assert (changed.param["dropout"], changed.param["layers"], changed.param["nesterov"]) == (0.0, (3, 4), False)
    assert isinstance(changed.param["dropout"], float)
    assert planned_steps(changed) == 80
    assert set(changed.overrides) == {"param.dropout", "param.steps", "param.layers", "param.nesterov"}
    assert recipe_hash(changed) != recipe_hash(spec)
    assert changed.display_title == "gpt [dropout=0.0, steps=80, layers=[3,4], nesterov=false]"
    assert override(spec, ["lr=0.001"]) == spec


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("droput=1", "Did you mean dropout"),
        ("steps=1.5", "param.steps: 1.5 is not allowed. Allowed: a whole number."),
        ("nesterov=7", "Allowed: true or false."),
        ("optimizer.lr=1", "has no parameter"),
    ],
)
def test_only_declared_parameters_can_be_set_and_only_to_their_kind_of_value(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(UsageError) as caught:
        override(spec_of(read(tmp_path, GPT), "gpt"), [text])
    assert said in caught.value.message


def test_the_launch_dialog_offers_the_parameters(tmp_path: Path) -> None:
    found = {field.key: (field.text, field.choices) for field in fields(spec_of(read(tmp_path, GPT), "gpt"))}
    assert found["param.lr"] == ("0.001", ())
    assert found["param.nesterov"] == ("true", ("true", "false"))
    assert found["param.name"][0] == "x y"


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("run = \"python 'x\"", "a quote is not closed"),
        ('run = " "', "there is no command"),
        ('run = "p --out={rundir}"', "{rundir} is not a placeholder"),
        ('run = "p x{params}"', "must stand alone"),
        ('run = "p"\nparam.lr = 1', "nothing passes it to the program"),
        ('run = "p {params}"\nparam.lr = 1\nsteps = "{param.n}"', "steps: "),
        ('run = "p"\nresume = "--r={checkpoint}"', "checkpoint is missing"),
        ('run = "p"\ncheckpoint = "{run_dir}/x.pt"', "without resume"),
        ('run = "p"\nread.log = ["step {step}"]', "there is no metric in it"),
        ('run = "p"\nread.log = ["{a} and {a}"]', "a name of its own"),
        ('run = "p"\noptimizer.lr = 1', "an entry with run has no recipe"),
        ('run = "p {params}"\nparam.lr = 1\nfactor = ["param.rate"]', "is not a key of a recipe"),
        ('run = "p {params}"\nparam.lr = 1\ngrid.optimizer.lr = [1]', "is not a key of a recipe"),
        ("param.lr = 1\ndata.name = 'digits'\nmodel.name = 'cnn'\noptimizer.name = 'adam'\nprotocol = 'report'",
         "it needs run"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_program_is_said_at_its_key(tmp_path: Path, entry: str, said: str) -> None:
    catalog = read(tmp_path, f"[experiment.x]\n{entry}\n")
    assert any(said in str(problem) for problem in catalog.problems), [str(problem) for problem in catalog.problems]


@pytest.mark.parametrize(
    ("pattern", "line", "values"),
    [
        ("step {step}: val loss {val/loss}", "step 250:   val  loss 1.7312", {"step": 250, "val/loss": 1.7312}),
        ("loss={loss}, acc={acc}", "x loss=1e-3, acc=.5 y", {"loss": 1e-3, "acc": 0.5}),
        ("iter {iter}: {loss} (ms)", "iter 1,000: nan (ms)", {"iter": 1000}),
        ("[{epoch}] a+b {x}", "[3] a+b -2", {"epoch": 3, "x": -2}),
        ("loss {loss}", "loss abc", None),
    ],
)
def test_a_line_of_output_is_matched_literally(pattern: str, line: str, values: dict[str, float] | None) -> None:
    found: Any = line_pattern(pattern).values(line)
    if found and values and "loss" in found and "loss" not in values:
        assert found.pop("loss") != found  # NaN
    assert found == values


def test_the_names_of_placeholders_in_other_braces_stay_as_they_are(tmp_path: Path) -> None:
    catalog = read(tmp_path, '[experiment.x]\nrun = "p \'{\\"a\\": 1}\' {seed}"\n')
    assert command_words(spec_of(catalog, "x"), PLACE) == ["p", '{"a": 1}', "0"]


def test_the_examples_of_the_page_are_sound(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "programs.md").read_text("utf-8")
    catalog = read(tmp_path, "\n".join(re.findall(r"```toml\n(.*?)```", page, re.DOTALL)))
    assert catalog.problems == ()
    assert [one.name for one in catalog.experiments] == [
        "gpt", "gpt_nodrop", "lit", "clm", "app", "keras", "ddp",
    ]  # fmt: skip
    assert command_words(spec_of(catalog, "ddp"), PLACE)[-3:] == ["--lr", "0.1", "--nesterov"]
    assert command_words(spec_of(catalog, "app"), PLACE)[-2:] == ["model.lr=0.1", "trainer.epochs=12"]


def test_every_placeholder_is_on_the_page() -> None:
    page = (Path(__file__).parents[2] / "docs" / "programs.md").read_text("utf-8")
    assert all(f"| `{{{name}}}` |" in page for name in PLACEHOLDERS)
