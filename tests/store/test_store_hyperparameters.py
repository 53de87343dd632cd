"""The hyperparameters of runs that other tools wrote, from each place where such tools leave them."""

import json
from pathlib import Path

import pytest

from labtui.store.conditions import parse_condition
from labtui.store.hyperparameters import MAX_KEYS, HyperparameterCache, read_hyperparameters
from labtui.store.settings_keys import is_label, is_seed, short_names, varying_keys
from labtui.store.store import Store
from tests.support.foreign import FILE, experiment_record, session_record, text_record, write_events, write_yaml


def read(folder: Path, *names: str, above: int = 0):
    return read_hyperparameters(folder, names or (FILE,), above=above)


def test_hyperparameters_of_the_hparams_plugin_are_read_from_the_event_file(tmp_path: Path) -> None:
    write_events(tmp_path, {"loss": [1.0]}, session_record({"lr": 0.1, "bs": 64.0, "net": "cnn", "drop": True}))
    found = read(tmp_path)
    assert found.values == {"bs": 64, "drop": True, "lr": 0.1, "net": "cnn"}
    assert isinstance(found.values["bs"], int), "the plugin stores every number as a float"
    assert found.source == "HParams records"


def test_the_arguments_of_hugging_faces_trainer_are_read_from_its_text_summary(tmp_path: Path) -> None:
    arguments = {"learning_rate": 5e-5, "seed": 42, "output_dir": "/x", "optim": None, "lr_scheduler_kwargs": {"a": 1}}
    write_events(tmp_path, {}, text_record("args", json.dumps(arguments)), text_record("model_config", "{}"))
    assert read(tmp_path) == (
        {"learning_rate": 5e-5, "lr_scheduler_kwargs.a": 1, "output_dir": "/x", "seed": 42},
        "trainer arguments",
        "",
    )


def test_lightnings_file_counts_before_records_that_say_the_same_in_other_words(tmp_path: Path) -> None:
    write_events(tmp_path, {}, session_record({"optimizer/lr": 0.1}))
    assert read(tmp_path).values == {"optimizer.lr": 0.1}
    write_yaml(tmp_path, {"optimizer": "\n  lr: 0.1"})
    assert read(tmp_path) == ({"optimizer.lr": 0.1}, "hparams.yaml", "")
    (tmp_path / "hparams.yaml").write_text("{}\n")
    assert read(tmp_path).source == "HParams records", "Lightning writes an empty file where nothing was saved"


def test_what_lightnings_command_line_writes_is_read_from_its_whole_configuration(tmp_path: Path) -> None:
    write_events(tmp_path, {})
    write_yaml(tmp_path, {"lr": 0.1, "_instantiator": "lightning.pytorch.cli.instantiate_module"})
    inner = "\n  class_path: m.Net\n  init_args:\n    lr: 0.1"
    write_yaml(tmp_path, {"seed_everything": 3, "model": inner}, "config.yaml")
    wanted = {"model.class_path": "m.Net", "model.init_args.lr": 0.1, "seed_everything": 3}
    assert read(tmp_path) == (wanted, "config.yaml", "")


def test_a_seed_is_taken_from_another_place_if_the_first_has_none(tmp_path: Path) -> None:
    write_events(tmp_path, {}, session_record({"lr": 0.2, "seed": 4}))
    write_yaml(tmp_path, {"lr": 0.1})
    assert read(tmp_path) == ({"lr": 0.1, "seed": 4}, "hparams.yaml", "")
    write_yaml(tmp_path, {"lr": 0.1, "manual_seed": 5})
    assert read(tmp_path).values == {"lr": 0.1, "manual_seed": 5}


def test_hydras_configuration_is_found_above_the_folder_of_the_logger(tmp_path: Path) -> None:
    folder = write_events(tmp_path / "12-00-00" / "tb" / "version_0", {"loss": [1.0]})
    write_yaml(tmp_path / "12-00-00" / ".hydra", {"optimizer": "\n  name: adam\n  lr: 1e-3", "seed": 3}, "config.yaml")
    wanted = {"optimizer.lr": 0.001, "optimizer.name": "adam", "seed": 3}
    assert read(folder, above=2) == (wanted, ".hydra/config.yaml", "")
    assert read(folder, above=1).values == {}
    (run,) = Store(tmp_path).scan()
    assert run.hyperparameters.values == wanted


@pytest.mark.parametrize("name", ["hparams.json", "args.json", "training_args.json", "params.json"])
def test_json_files_with_arguments_are_read(tmp_path: Path, name: str) -> None:
    write_events(tmp_path, {})
    (tmp_path / name).write_text('{"lr": 0.5, "layers": [64, 32], "blocks": [{"n": 1}, {"n": 2}]}')
    assert read(tmp_path).values == {"blocks.0.n": 1, "blocks.1.n": 2, "layers": (64, 32), "lr": 0.5}


def test_what_cannot_be_read_is_said_and_the_next_source_counts(tmp_path: Path) -> None:
    write_events(tmp_path, {}, session_record({"lr": 0.1}))
    (tmp_path / "hparams.yaml").write_text("lr: [1, 2\n")
    found = read(tmp_path)
    assert found.values == {"lr": 0.1}
    assert found.damage == "the hyperparameters in hparams.yaml cannot be read: line 1: a bracket is not closed"
    (run,) = Store(tmp_path).scan()
    assert "hparams.yaml cannot be read" in run.why


def test_hostile_hyperparameters_are_cleaned_bounded_and_execute_nothing(tmp_path: Path) -> None:
    evil = "\x1b]52;c;x\x07\u202e"
    write_events(tmp_path, {}, session_record({f"k{evil}": evil * 2000, "nan": float("nan")}))
    values = read(tmp_path).values
    assert values["nan"] == "nan"
    assert all("\x1b" not in f"{key}{value}" and len(f"{key}{value}") <= 2100 for key, value in values.items())
    (tmp_path / "hparams.json").write_text(json.dumps({str(number): number for number in range(3 * MAX_KEYS)}))
    (tmp_path / FILE).unlink()
    found = read(tmp_path)
    assert len(found.values) <= MAX_KEYS
    assert "more than 2,000" in found.damage
    (tmp_path / "hparams.json").write_text("[" * 100_000)
    assert "cannot be read" in read(tmp_path).damage
    (tmp_path / "hparams.json").write_bytes(b"1" * 300_000)
    assert "more than the limit" in read(tmp_path).damage


def test_aliases_that_grow_exponentially_are_cut(tmp_path: Path) -> None:
    lines = ["a0: &a0 [1, 2]"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 30)]
    (tmp_path / "hparams.yaml").write_text("\n".join(lines).replace("[*", "[ *"))
    assert len(read(tmp_path).values) <= MAX_KEYS


def test_a_link_or_a_pipe_instead_of_a_file_is_not_opened(tmp_path: Path) -> None:
    import os

    (tmp_path / "secret").write_text("lr: 1\n")
    (tmp_path / "hparams.yaml").symlink_to("secret")
    os.mkfifo(tmp_path / "config.yaml")
    os.mkfifo(tmp_path / FILE)
    assert read(tmp_path).values == {}


def test_they_are_read_again_only_after_a_change_of_the_folder(tmp_path: Path) -> None:
    write_events(tmp_path, {}, session_record({"lr": 0.1}))
    cache, size = HyperparameterCache(), (tmp_path / FILE).stat().st_size
    first = cache.read(tmp_path, ((FILE, size),))
    assert cache.read(tmp_path, ((FILE, size),)) is first
    write_yaml(tmp_path, {"lr": 0.2})
    assert cache.read(tmp_path, ((FILE, size),)).values == {"lr": 0.2}


def test_a_record_behind_much_else_is_read_whole(tmp_path: Path) -> None:
    write_events(tmp_path, {}, text_record("notes", "x" * 60_000), session_record({"prompt": "y" * 30_000, "lr": 1}))
    assert read(tmp_path).values["lr"] == 1


# --- parts of one run ---------------------------------------------------------------------------------------------


def ids(root: Path) -> list[str]:
    return sorted(run.id for run in Store(root).scan())


def test_two_trainings_with_add_scalars_and_add_hparams_are_two_runs(tmp_path: Path) -> None:
    for number in range(2):
        run = write_events(tmp_path / f"run{number}", {"acc": [0.1, 0.2]})
        write_events(run / "loss_all_train", {"loss/all": [1.0]})
        write_events(run / "loss_all_val", {"loss/all": [2.0]})
        records = experiment_record(), session_record({"lr": number / 10})
        write_events(run / "1700000000.123", {"hparam/acc": [0.2]}, *records)
    runs = Store(tmp_path).scan()
    assert sorted(run.id for run in runs) == ["run0", "run1"]
    assert {run.id: run.hyperparameters.values for run in runs} == {"run0": {"lr": 0}, "run1": {"lr": 0.1}}
    one = Store(tmp_path).get("run0")
    assert set(one.below) == {"1700000000.123", "loss_all_train", "loss_all_val"}


def test_several_sessions_below_one_writer_are_a_training_each(tmp_path: Path) -> None:
    write_events(tmp_path, {})
    for number in range(3):
        write_events(
            tmp_path / f"170000000{number}.5",
            {"hparam/acc": [0.2]},
            experiment_record(),
            session_record({"lr": number}),
        )
    assert ids(tmp_path) == [".", "1700000000.5", "1700000001.5", "1700000002.5"]


def test_keras_pair_is_one_run_and_a_lone_train_folder_stays_one(tmp_path: Path) -> None:
    write_events(tmp_path / "k" / "train", {"epoch_loss": [1.0]})
    assert ids(tmp_path) == ["k/train"]
    store = Store(tmp_path)
    write_events(tmp_path / "k" / "validation", {"epoch_loss": [2.0]})
    assert [run.id for run in store.scan()] == ["k"]
    assert store.get("k").below == Store(tmp_path).get("k").below == ("train", "validation")


def test_a_run_below_another_one_stays_its_own(tmp_path: Path) -> None:
    write_events(tmp_path / "sweep", {"loss": [1.0]})
    write_events(tmp_path / "sweep" / "loss_lr0.1", {"acc": [1.0]})
    write_events(tmp_path / "sweep" / "loss_x", {"loss": [1.0]})
    write_events(tmp_path / "sweep" / "loss_x" / "deeper", {"loss": [1.0]})
    assert ids(tmp_path) == ["sweep", "sweep/loss_lr0.1", "sweep/loss_x", "sweep/loss_x/deeper"]


# --- keys and conditions ------------------------------------------------------------------------------------------


def test_seeds_and_labels_are_known_by_the_last_part_of_their_name() -> None:
    assert [is_seed(key) for key in ("seed", "trainer.Seed", "seed_everything", "seeds", "data_dir")] == [1, 1, 1, 0, 0]
    assert [is_label(key) for key in ("output_dir", "logger.save_dir", "logging_steps", "data_dir", "lr")] == [
        1,
        1,
        1,
        0,
        0,
    ]


def test_the_hyperparameters_that_differ_are_known_with_their_shortest_names() -> None:
    runs = [
        {"a.lr": 1, "b": True, "log_dir": "x", "c.lr": 2},
        {"a.lr": 2, "b": 1, "log_dir": "y", "c.lr": 2, "d": 0},
    ]
    assert varying_keys(runs) == ("a.lr", "b", "d")
    assert short_names(["a.lr", "c.lr", "x.y.z"]) == {"a.lr": "a.lr", "c.lr": "c.lr", "x.y.z": "z"}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("lr=0.1", True),
        ("lr = 1e-1", True),
        ("opt.lr>=0.1", True),
        ("lr<0.1", False),
        ("net=CNN", True),
        ("net!=cnn", False),
        ("absent=1", False),
        ("absent!=1", True),
        ("net>1", False),
        ("on=true", True),
    ],
)
def test_a_condition_holds_for_what_a_run_says_of_itself(text: str, holds: bool) -> None:
    assert parse_condition(text).holds({"opt.lr": 0.1, "net": "cnn", "on": True}) is holds
