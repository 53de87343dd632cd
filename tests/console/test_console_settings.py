"""What the console remembers, its keys, its palette, its colours."""

import math
import subprocess
import sys

import pytest
from rich.color import Color, ColorSystem

from labtui.console import saved_state
from labtui.console.commands import COMMANDS, EVERYWHERE, commands, footer, read_keymap
from labtui.console.palettes import DARK, LIGHT, MONO, SERIES, SIXTEEN, span_styles, styles
from labtui.console.theme import THEMES
from tests.support.processes import ROOT


def test_what_is_kept_comes_back(tmp_path):
    path = saved_state.path_of(tmp_path / "runs", tmp_path / "state")
    assert saved_state.load(path) == saved_state.SavedState()
    state = saved_state.SavedState(folder="x", filter="adam", sort="delta", marks={"A": "arm:l1"}, smoothing=0.6)
    assert saved_state.save(path, state)
    assert saved_state.load(path) == state
    assert saved_state.path_of(tmp_path / "other", tmp_path / "state") != path


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"marks": 3}', b"\xff\xfe", b'{"sort": "' + b"x" * 100 + b'"}']
)
def test_damaged_memory_is_no_reason_to_fail(tmp_path, content):
    path = tmp_path / "memory.json"
    path.write_bytes(content)
    remembered = saved_state.load(path)
    assert remembered.list_options.sort == "catalog"
    assert remembered.x_axis == "epoch"


def test_a_home_that_cannot_be_written_is_no_reason_to_fail(tmp_path):
    (tmp_path / "file").write_text("")
    assert not saved_state.save(tmp_path / "file" / "below.json", saved_state.SavedState())


def test_a_users_keys_are_read_and_problems_are_reported(tmp_path):
    path = tmp_path / "keys.toml"
    assert read_keymap(path) == ({}, ())
    path.write_text('stop = "ctrl+x"\nfly = "f"\nmark = 3\n')
    keys, problems = read_keymap(path)
    assert keys == {"stop": "ctrl+x"}
    assert any("'fly'" in error for error in problems)
    assert any("mark" in error for error in problems)
    path.write_text("stop = ")
    assert read_keymap(path)[0] == {}
    assert "is not used" in read_keymap(path)[1][0]


def test_every_command_has_one_id_and_a_sentence():
    assert len({command.id for command in COMMANDS}) == len(COMMANDS)
    assert all(command.help.endswith(".") for command in COMMANDS)


@pytest.mark.parametrize("screen", ["main", "chart", "run", "compare", "launch"])
def test_no_key_means_two_things_on_one_screen(screen):
    taken: dict[str, str] = {}
    for command in commands(screen):
        for key in command.keys.split(","):
            assert taken.setdefault(key, command.id) == command.id, f"{key} on {screen}"


def test_no_key_needs_alt_or_what_tmux_and_screen_take():
    keys = {key for command in COMMANDS for key in command.keys.split(",")}
    assert not {key for key in keys if key.startswith("alt+")}
    assert not keys & {"ctrl+a", "ctrl+b"}


def test_help_and_quit_are_in_every_footer():
    for screen in {place for command in COMMANDS for place in command.where} - {EVERYWHERE, "list"}:
        assert {"help", "quit"} <= {command.id for command in footer(screen)}


def _luminance(colour: str, system: ColorSystem) -> float:
    parts = Color.parse(colour).downgrade(system).get_truecolor()
    linear = [c / 255 / 12.92 if c / 255 <= 0.03928 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str, system: ColorSystem) -> float:
    high, low = sorted((_luminance(one, system), _luminance(other, system)), reverse=True)
    return (high + 0.05) / (low + 0.05)


PALETTES = {"dark": DARK, "light": LIGHT, "mono": MONO}


@pytest.mark.parametrize("system", [ColorSystem.TRUECOLOR, ColorSystem.EIGHT_BIT])
@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_every_colour_stands_out_from_its_background_also_in_256_colours(theme, system):
    palette = PALETTES[theme.name]
    for colour in (*palette.series, palette.accent, palette.good, palette.warn, palette.bad):
        assert _contrast(colour, theme.background, system) >= 3.0, colour
    for colour in (palette.text, palette.muted):
        assert _contrast(colour, theme.background, system) >= 4.5, colour


@pytest.mark.parametrize("palette", [DARK, LIGHT], ids=["dark", "light"])
def test_series_colours_stay_apart_in_256_colours(palette):
    shown = {Color.parse(colour).downgrade(ColorSystem.EIGHT_BIT).number for colour in palette.series}
    assert len(shown) == SERIES
    parts = [Color.parse(colour).get_truecolor() for colour in palette.series]
    apart = min(math.dist(one, other) for at, one in enumerate(parts) for other in parts[:at])
    assert apart > 50


def test_every_palette_has_an_ink_for_everything():
    assert styles(DARK).keys() == styles(LIGHT).keys() == styles(MONO).keys() == styles(SIXTEEN).keys()
    assert span_styles("mono", colours="truecolor", no_color=False).palette.dashes
    assert span_styles("dark", colours=None, no_color=True).palette.dashes
    assert span_styles("dark", colours="standard", no_color=False).palette is SIXTEEN


FIRST_FRAME = """
import os, sys
from pathlib import Path
from labtui.console.app import LabtuiApp, Settings
from labtui.api import open_lab

class App(LabtuiApp):
    def start_polling(self):
        self.exit()

place = Path(sys.argv[1])
lab = open_lab(runs=place / "runs", environ=os.environ, cwd=place)
App(lab, Settings(state_folder=place)).run(headless=True, size=(160, 48))
heavy = {"numpy", "scipy", "psutil", "torch", "matplotlib", "labtui.launch.launcher", "labtui.datasets.fetching"}
print(sorted(heavy & set(sys.modules)))
"""


def test_the_first_frame_waits_for_neither_numpy_nor_the_launchers(tmp_path):
    answer = subprocess.run(
        [sys.executable, "-c", FIRST_FRAME, tmp_path], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip().splitlines()[-1] == "[]"


PURE = (
    "charts.build_series charts.crosshair charts.linechart charts.options charts.panels charts.raster charts.series "
    "charts.sparkline charts.ticks charts.viewport charts.xaxis data.poller experiments.details experiments.entries "
    "launch.fields launch.preview run.confusion ui.gauges ui.glyphs ui.tabs"
)
"""Modules of the console that compute what is shown, and are tested without Textual."""


def test_the_renderers_know_no_textual():
    code = (
        "import sys, importlib\n"
        f"[importlib.import_module(f'labtui.console.{{name}}') for name in {PURE!r}.split()]\n"
        "print('textual' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "False"
