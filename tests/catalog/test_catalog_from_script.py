"""Entries from the source of a script: its options, and the lines that it prints. Nothing is executed."""

from pathlib import Path

import pytest
import tomli

from labtui.catalog import load
from labtui.catalog.from_script import entry_for, read_script
from labtui.errors import UsageError

ARGPARSE = """
import argparse, os
raise SystemExit("this must never be executed")
parser = argparse.ArgumentParser()
parser.add_argument("data")
parser.add_argument("-o", "--output_dir")
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--lr", "--learning-rate", type=float, default=1)
parser.add_argument("--max_steps", type=int, default=100)
parser.add_argument("--amp", action="store_true")
parser.add_argument("--sizes", nargs="+", type=int, default=[1, 2])
parser.add_argument("--resume")
parser.add_argument("--tag", default=None)
for step in range(3):
    print(f"step {step}: train loss {loss:.4f}, val loss {val:.4f} ({dt:.1f}s)")
    print(f"hello {name}")
"""

CLICK = """
@click.command()
@click.option("--lr", default=0.1)
@click.option("--fast/--slow", default=True)
@click.option("--quiet", is_flag=True)
def main(lr, fast, quiet): ...
"""

TYRO = """
@dataclass
class Other:
    a: int = 1
@dataclass(frozen=True)
class Config:
    lr: float = 3e-4
    seed: int = 0
    nesterov: bool = False
    layers: tuple[int, ...] = (64, 64)
    name: str = field(default_factory=str)
config = tyro.cli(Config)
"""

GLOBALS = """
out_dir = 'out'
learning_rate = 6e-4
compile = True
_hidden = 3
config_keys = [k for k, v in globals().items()]
exec(open('configurator.py').read())
later = 1
"""


def table(source: str, tmp_path: Path) -> dict[str, object]:
    text = entry_for("train.py", "train", source)
    path = tmp_path / "experiments.toml"
    path.write_text(text, "utf-8")
    assert load(path, datasets=()).problems == (), text
    entry = tomli.loads(text)["experiment"]["train"]
    assert isinstance(entry, dict)
    return entry


def test_the_options_of_argparse_become_parameters_and_labtui_supplies_the_others(tmp_path: Path) -> None:
    entry = table(ARGPARSE, tmp_path)
    assert entry["run"] == "python train.py <data> --output_dir={run_dir} --seed={seed} {params}"
    assert entry["param"] == {"lr": 1.0, "max_steps": 100, "amp": False, "sizes": [1, 2]}
    assert entry["flags"] == {"bool": "switch", "style": "space", "list": "words"}
    assert entry["steps"] == "{param.max_steps}"
    assert '# resume = "--resume={checkpoint}"' in entry_for("train.py", "train", ARGPARSE)
    assert "without a default, so not in param: tag" in entry_for("train.py", "train", ARGPARSE)


def test_the_lines_that_it_prints_give_its_metrics_and_what_it_is_judged_by(tmp_path: Path) -> None:
    entry = table(ARGPARSE, tmp_path)
    (line,) = read_script(ARGPARSE).lines
    assert entry["read"] == {"log": [line]}
    assert line == "step {step}: train loss {train/loss}, val loss {val/loss} ({dt}"
    assert entry["metric"] == {"tag": "val/loss", "better": "lower"}


def test_click_and_tyro_are_read_too(tmp_path: Path) -> None:
    click = table(CLICK, tmp_path)
    assert click["param"] == {"lr": 0.1, "fast": True, "quiet": False}
    tyro = table(TYRO, tmp_path)
    assert tyro["run"] == "python train.py --seed={seed} {params}"
    assert tyro["param"] == {"lr": 3e-4, "nesterov": False, "layers": [64, 64]}


def test_globals_count_up_to_the_configurator(tmp_path: Path) -> None:
    entry = table(GLOBALS, tmp_path)
    assert entry["run"] == "python train.py --out_dir={run_dir} {params}"
    assert entry["param"] == {"learning_rate": 6e-4, "compile": True}
    assert "all seeds train the same thing" in entry_for("train.py", "train", GLOBALS)


def test_a_script_without_options_gets_an_entry_to_complete(tmp_path: Path) -> None:
    entry = table("print('x')", tmp_path)
    assert entry == {"run": "python train.py"}
    with pytest.raises(UsageError, match="cannot be read as Python"):
        read_script("def (")
