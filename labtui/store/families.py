"""Which folders of other tools are parts of one run.

`SummaryWriter.add_scalars` writes a folder per curve beside the run's own files, `add_hparams` one with a time stamp,
and Keras the pair train/ and validation/. Each is a part of one training, not a training of its own.
"""

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from labtui.store.decode_hparams import first_tag
from labtui.store.discover import RunFolder
from labtui.store.hyperparameters import read_beginning
from labtui.store.tfrecord import find_frames, is_intact

KERAS = ("train", "validation")
"""The two folders of one training with Keras' TensorBoard callback."""

EXPERIMENT = b"_hparams_/experiment"
"""The tag with which a file of `add_hparams` begins."""

_BEGINNING = 16 << 10
_FEW = 20
"""Records in which the first tag of a file is looked for."""

TagOf = Callable[[Path], bytes]


class FirstTags:
    """The first tag of event files, each read until it has one."""

    def __init__(self) -> None:
        self._known: dict[Path, bytes] = {}

    def __call__(self, path: Path) -> bytes:
        """The tag; empty while the file has none."""
        if tag := self._known.get(path):
            return tag
        content = read_beginning(path, _BEGINNING)
        frames = find_frames(content)
        for start, size in list(zip(frames.starts, frames.sizes, strict=True))[:_FEW]:
            if is_intact(content, start, size) and (tag := first_tag(content[start : start + size])):
                self._known[path] = tag
                return tag
        return b""


def joined(found: Iterable[RunFolder], tag_of: TagOf) -> list[RunFolder]:
    """The run folders, those that are parts of one run as one, in their order. Files of parts keep their folder's name.

    A folder is a part if nothing lies below it and it is one of Keras' pair; or if the folder above it has event files
    too and its name is made of its first tag (`add_scalars`), or it is the only one there that begins with an
    experiment of the HParams plugin: of several, each is a training of its own.
    """
    folders = list(found)
    foreign = {folder.parts: folder for folder in folders if folder.foreign}
    children: dict[tuple[str, ...], list[RunFolder]] = defaultdict(list)
    for folder in foreign.values():
        if folder.parts:
            children[folder.parts[:-1]].append(folder)
    parts: dict[tuple[str, ...], list[RunFolder]] = {}
    for above, below in children.items():
        leaves = [one for one in below if one.parts not in children]
        if own := _parts(foreign.get(above), leaves, tag_of):
            parts[above] = own
    if not parts:
        return folders
    taken = {one.parts for own in parts.values() for one in own}
    result = []
    for folder in folders:
        above = folder.parts[:-1]
        if folder.parts in parts:
            result.append(_whole(folder, parts[folder.parts]))
        elif folder.parts not in taken:
            result.append(folder)
        elif above not in foreign and folder is parts[above][0]:
            head = replace(folder, parts=above, folder=folder.folder.parent, event_files=())
            result.append(_whole(head, parts[above]))
    return result


def _parts(head: RunFolder | None, leaves: Sequence[RunFolder], tag_of: TagOf) -> list[RunFolder]:
    """The folders that are parts of the run above them, which has files of its own or not."""
    pair = [one for one in leaves if one.parts[-1] in KERAS]
    own = pair if len(pair) == len(KERAS) and len({one.linked for one in pair}) == 1 else []
    if head is None:
        return own
    sessions = []
    for one in leaves:
        if one in own or one.linked != head.linked:
            continue
        tag = tag_of(one.folder / one.event_files[0])
        if tag == EXPERIMENT:
            sessions.append(one)
        elif tag and os.fsencode(one.parts[-1]).startswith(tag.replace(b"/", b"_") + b"_"):
            own = [*own, one]
    return [*own, *sessions] if len(sessions) == 1 else own


def _whole(head: RunFolder, parts: Sequence[RunFolder]) -> RunFolder:
    below = [f"{one.parts[-1]}/{name}" for one in parts for name in one.event_files]
    return replace(head, event_files=(*head.event_files, *below))
