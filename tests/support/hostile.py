"""40 hostile strings, and a lab that has them in every place that strings come from."""

import re
from pathlib import Path

from labtui.store.encode_scalar import scalar_event, version_event
from labtui.store.records import LastValue
from tests.support.samples import make_beat, make_launch, make_result, make_spec, write_run

CONTROLS = [*range(1, 9), 0x0B, 0x0C, 0x0D, 0x1B, 0x7F, 0x85, 0x9B, 0x9D, 0x61C, 0x200E, 0x202E, 0x2028, 0x2066]
HOSTILE = [
    *(f"x{chr(code)}y" for code in CONTROLS),
    "\x1b]52;c;cm0gLXJmIH4=\x07", "\x1b]0;title\x1b\\", "\x1b[2J\x1b[H", "\x1b[?1049l", "\x1b[6n", "\x9b31m",
    "\x1bP+q544e\x1b\\", "\x1b_Gf=24;AAAA\x1b\\", "\x90payload\x9c", "\x1b[8;1;1t", "\x1b%G", "\x1bc", "\x0e\x0f",
    "a\rb", "a\x08\x08b", "\u202egnp.exe", "[/nope]\x1b[0m", "[@click=app.exit]\x07", "line\x0bfeed",
]  # fmt: skip
FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")

DEFAULTS = """[defaults]
protocol = "report"
group = "Cifar"
data.name = "digits"
model.name = "cnn"
optimizer.name = "adam"
"""


def plant(here: Path, places: list[str]) -> list[str]:
    """A run for each string, which it has as part of its name and path, as a tag, in its log, as the text of its error
    and as a value of its spec; and a catalog with all of them. The ids of the runs."""
    entries = [DEFAULTS]
    for number, text in enumerate(places):
        folder = here / "runs" / "Cifar" / f"Run {number:02d} {text.replace('/', '_')}" / "s0"
        spec = make_spec(title=f"Run {number:02d}", member=text, overrides={f"key {text}": text})
        last = {f"tag {text}": LastValue(step=1, value=1.0), "Test accuracy": LastValue(step=1, value=10.0)}
        result = make_result(outcome="failed", reason=f"error {text} end", last=last)
        launch = make_launch(host=text, device_name=text, device=text)
        paths = write_run(folder, spec=spec, launch=launch, beat=make_beat(warning=text), result=result)
        paths.attempt(1).log.write_text(f"log {text} end\n" * 3, "utf-8")
        (folder / "events.out.tfevents.1.a").write_bytes(
            version_event(1.0) + b"".join(scalar_event(1.0, step, f"tag {text}", 0.5) for step in range(3))
        )
        quoted = "".join(f"\\u{ord(letter):04X}" for letter in text)
        entries.append(f'[experiment.run{number}]\ntitle = "Run {number}"\ndescription = "value {quoted} end"\n')
        entries.append(f'[experiment.bad{number}]\ntitle = "{quoted}"\nfactor = ["{quoted}"]\n')
    (here / "experiments.toml").write_text("".join(entries), "utf-8")
    return [f"run {number:02d}" for number in range(len(places))]
