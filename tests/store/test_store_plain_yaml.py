"""The YAML that Lightning and Hydra write is read as they mean it, executes nothing, and never takes long."""

import contextlib
import time

import pytest

from labtui.store.plain_yaml import YamlError, parse

LIGHTNING = """\
batch_size: 64
betas: !!python/tuple
- 0.9
- 0.999
dropout: 0.0
hidden: null
lr: 1.0e-05
model: !!python/object/apply:os.system
- echo pwned
name: 'it''s: a "name" # no comment'
nested:
  inner: {a: 1, b: [x, 'y, z']}
  wide: a text that is so long that it goes
    on in the next line
other: &id001
- 1
same: *id001
on: yes
"""


def test_the_file_of_lightning_is_read_with_its_tags_skipped():
    assert parse(LIGHTNING) == {
        "batch_size": 64,
        "betas": [0.9, 0.999],
        "dropout": 0.0,
        "hidden": None,
        "lr": 1e-05,
        "model": ["echo pwned"],
        "name": 'it\'s: a "name" # no comment',
        "nested": {
            "inner": {"a": 1, "b": ["x", "y, z"]},
            "wide": "a text that is so long that it goes on in the next line",
        },
        "other": [1],
        "same": [1],
        "on": True,
    }


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("# nothing\n---\n", None),
        ("{}", {}),
        ("lr: 1e-3", {"lr": 0.001}),
        ("a: -5\nb: +.5\nc: .inf\nd: 1_000", {"a": -5, "b": 0.5, "c": float("inf"), "d": 1000}),
        ("a: 1.2.3\nb: 12:30\nc: -\nd: e5", {"a": "1.2.3", "b": "12:30", "c": "-", "d": "e5"}),
        ("steps:\n- - 1\n  - 2\n- name: x\n  at: 3\n", {"steps": [[1, 2], {"name": "x", "at": 3}]}),
        ("text: |\n  one\n  # two\n\n  three\nlast: 1", {"text": "one\n# two\n\nthree", "last": 1}),
        ("path: C:\\x\nurl: http://x:80/y", {"path": "C:\\x", "url": "http://x:80/y"}),
        ('"a\\tb": "x\\u0041"', {"a\tb": "xA"}),
        ("list: [1,\n  2]\n", {"list": [1, 2]}),
        (
            "a#b: 1\n:x: 2\nit's: {it's: it's, true: 'x', 12: y}",
            {"a#b": 1, ":x": 2, "it's": {"it's": "it's", "true": "x", "12": "y"}},
        ),
        ("a:\n  b:\n    c: 1\n  d: 2\ne: 3", {"a": {"b": {"c": 1}, "d": 2}, "e": 3}),
    ],
)
def test_each_form_of_a_value_is_read(text, value):
    assert parse(text) == value


@pytest.mark.parametrize(
    ("text", "line"),
    [("a: [1, 2", 1), ("a: 1\nb: 'x", 2), ("a: *b", 1), ("- " * 100 + "1", 1), ("a:\n   b: 1\n  c: 2", 3)],
)
def test_what_cannot_be_read_is_named_by_its_line(text, line):
    with pytest.raises(YamlError) as found:
        parse(text)
    assert found.value.line == line


@pytest.mark.parametrize(
    "text",
    [
        "a" + " " * 100000 + "b",
        "a: [" + "\n1," * 50000,
        "a: '" + "\nx" * 50000,
        "&a " * 50000,
        "a: " + "[" * 100000,
        "a: " + '"\\' * 50000,
        "a: [" + ": " * 50000 + "]",
        "a: " + "1_" * 50000 + "x",
    ],
)
def test_a_hostile_text_takes_no_time(text):
    began = time.process_time()
    with contextlib.suppress(YamlError):
        parse(text)
    assert time.process_time() - began < 2
