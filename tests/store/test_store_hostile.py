"""40 hostile strings in every place from which the store returns text: no control character gets through."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from labtui.errors import LabError
from labtui.store.encode_scalar import scalar_event, version_event
from labtui.store.reader import RunReader
from labtui.store.records import Exit, LastValue
from labtui.store.run import Run
from labtui.store.store import Store
from tests.support.hostile import FORBIDDEN, HOSTILE
from tests.support.samples import make_beat, make_launch, make_result, make_spec, write_run


def test_there_are_forty_hostile_strings() -> None:
    assert len(HOSTILE) == len(set(HOSTILE)) == 40
    assert all(FORBIDDEN.search(text) for text in HOSTILE)


def strings(value: Any) -> Iterator[str]:
    """Every string in a run, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from strings(key)
            yield from strings(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from strings(part)
    elif isinstance(value, msgspec.Struct):
        yield from strings(msgspec.to_builtins(value))


def shown(run: Run) -> list[str]:
    """What a list, a detail view or a message would show of a run."""
    values = [run.id, run.damage, run.reason, run.name, run.title, run.display_title, run.group]
    return [*values, *strings([run.spec_file, run.launch, run.beat, run.exit, run.result])]


def assert_clean(texts: list[str]) -> None:
    for text in texts:
        assert not FORBIDDEN.search(text), repr(text)


@pytest.mark.parametrize("text", HOSTILE)
def test_no_hostile_string_in_a_run_folder_reaches_a_reader(tmp_path: Path, text: str) -> None:
    root = tmp_path / "runs"
    records: dict[str, Any] = {
        "launch": make_launch(host=text, device_name=text, versions={text: text}, diff=text, argv=(text,), boot_id="x"),
        "beat": make_beat(warning=text),
        "result": make_result(
            outcome="failed", reason=text, last={text: LastValue(step=1, value=1.0)}, facts={text: [text]}
        ),
    }
    write_run(root / "good", **records)
    write_run(root / "ended", launch=records["launch"], exit=Exit(code=1, ended=0.0))
    write_run(root / "silent", launch=records["launch"])
    write_run(root / "labels", spec=make_spec(member=text))
    write_run(root / "override", spec=make_spec(overrides={text: text}))
    (root / "broken").mkdir()
    (root / "broken" / "spec.json").write_text(f'{{"run_id": "{text}", "spec": {{"{text}": 1}}')
    (root / "wrong").mkdir()
    (root / "wrong" / "spec.json").write_bytes(
        msgspec.json.encode({"spec": {"seed": text, text: text}, "run_id": text})
    )
    folder = root / text.replace("/", "_")
    folder.mkdir()
    events = folder / f"events.out.tfevents.{text.replace('/', '_')}"
    events.write_bytes(version_event(1.0) + scalar_event(1.0, 1, text, 1.0) + b"\xff" * 40)
    store = Store(root)
    runs = store.scan()
    assert len(runs) == 8
    for run in runs:
        assert_clean(shown(run))
        assert store.get(run.id).folder == run.folder, "a cleaned id still finds its run"
    foreign = next(run for run in runs if run.foreign)
    assert foreign.folder == folder
    reader = RunReader(foreign.folder)
    reader.poll()
    assert len(reader.curves) == 1
    assert_clean([*reader.curves, *(curve.tag for curve in reader.curves.values()), *reader.damage])
    for wanted in (text, f"{text}/{text}"):
        with pytest.raises(LabError) as caught:
            store.get(wanted + "?")
        assert_clean([str(caught.value)])


def test_two_folders_that_are_cleaned_to_one_name_keep_two_ids(tmp_path: Path) -> None:
    for name in ("a\x1bb", "a\x07b", "a\ufffdb", os.fsdecode(b"a\xffb")):
        write_run(tmp_path / name)
    store = Store(tmp_path)
    ids = [run.id for run in store.scan()]
    assert len(set(ids)) == 4
    assert_clean(ids)
    assert {store.get(one).folder.name for one in ids} == {"a\x1bb", "a\x07b", "a\ufffdb", os.fsdecode(b"a\xffb")}


def test_listing_runs_imports_neither_numpy_nor_psutil_nor_torch() -> None:
    code = (
        "import sys; from pathlib import Path; from labtui.store.store import Store; from labtui.store import reader\n"
        "Store(Path(sys.argv[1])).scan()\n"
        "heavy = {'numpy', 'psutil', 'torch', 'scipy', 'tensorboard', 'textual'} & set(sys.modules); print(*heavy)"
    )
    old = Path(__file__).parents[1] / "assets" / "runs-schema-1"
    done = subprocess.run([sys.executable, "-c", code, old], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ([] if sys.platform == "linux" else ["psutil"])
