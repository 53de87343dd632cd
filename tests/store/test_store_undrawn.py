"""What a run's event files hold that labtui does not draw is counted and said, and `labtui tb` shows it."""

from pathlib import Path

import pytest
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import HistogramProto, Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto

from labtui.console.experiments.details import run_lines
from labtui.console.experiments.entry import EntryKey, EntryKind, ListEntry
from labtui.console.ui.glyphs import UNICODE
from labtui.store.curve_cache import CurveCache
from labtui.store.encode_scalar import scalar_event, version_event
from labtui.store.reader import RunReader, read_to_end
from labtui.store.tfrecord import frame
from labtui.text.spans import plain
from tests.support.console.builders import foreign


def value(tag: str, **content: object) -> bytes:
    """A record with one value."""
    summary = Summary(value=[Summary.Value(tag=tag, **content)])
    return frame(Event(wall_time=1.0, step=1, summary=summary).SerializeToString())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """14 images, 3 histograms (in both versions of the format), a text and an audio clip among 300 scalars."""
    image = Summary.Image(height=4, width=4, encoded_image_string=b"png" * 400)
    records = [value(f"sample/{number % 2}", image=image) for number in range(14)]
    records += [value("weights", histo=HistogramProto(min=0.0, max=1.0)) for _ in range(2)]
    text = TensorProto(dtype="DT_STRING", string_val=[b"hello"])
    for plugin in ("text", "histograms"):
        metadata = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name=plugin))
        records.append(value(plugin, tensor=text, metadata=metadata))
    records.append(value("sound", audio=Summary.Audio(sample_rate=1.0)))
    records += [scalar_event(2.0, step, "loss", 1 / (step + 1)) for step in range(300)]
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "events.out.tfevents.1.host").write_bytes(version_event(1.0) + b"".join(records))
    return tmp_path / "run"


def test_images_histograms_and_texts_are_counted_beside_the_curves(folder: Path, tmp_path: Path) -> None:
    reader = read_to_end(folder, foreign=True)
    assert reader.undrawn == "1 audio clip, 3 histograms, 14 images, 1 text"
    assert {tag: len(curve) for tag, curve in reader.curves.items()} == {"loss": 300}
    assert reader.damage == ()
    slow = RunReader(folder, foreign=True)
    while slow.poll(100) or not slow.complete:
        continue
    assert slow.undrawn == reader.undrawn, "however it is read"


def test_the_count_is_the_same_from_the_cache(tmp_path: Path, folder: Path) -> None:
    cache = CurveCache(tmp_path / "cache")
    file = next(folder.glob("events*"))
    content = file.read_bytes()
    while file.stat().st_size < 80_000:
        with file.open("ab") as stream:
            stream.write(content)
    first = read_to_end(folder, cache).undrawn
    assert read_to_end(folder, cache).undrawn == first != ""


def test_the_details_of_a_run_say_which_command_shows_them() -> None:
    run = foreign().with_files_read((), "14 images, 3 histograms")
    entry = ListEntry(EntryKey(EntryKind.RUN, run.id), "version_0", runs=(run,))
    texts = [plain(line) for line in run_lines(entry, run, 76, UNICODE, 2_000.0)]
    assert "14 images, 3 histograms: labtui tb shows them" in texts
