"""The fields of the launch dialog: what can be changed, what was typed, and whether it is valid. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite

from labtui.api.until import MOST_SEEDS
from labtui.catalog import fields, override, parse_seeds
from labtui.compare.sequential import CAP, FIRST_LOOK
from labtui.compare.statistics import ALPHA
from labtui.console.launch.request import LaunchRequest, UntilDecided
from labtui.console.ui.glyphs import Glyphs
from labtui.datasets import known_datasets
from labtui.errors import UsageError
from labtui.lab_code import NO_CODE, LabCode
from labtui.spec import Spec, Variant
from labtui.text.clean import clean_line
from labtui.text.spans import Line, Span, fit, shorten, text_width

SEEDS, DEVICE, AT_ONCE, UNTIL = "seeds", "device", "at once", "until decided"
MAX_SEEDS, ALPHA_KEY, EFFECT, BASELINE = "max seeds", "alpha", "smallest effect", "baseline"
LAUNCH_KEYS = frozenset({SEEDS, DEVICE, AT_ONCE, UNTIL, MAX_SEEDS, ALPHA_KEY, EFFECT, BASELINE})
"""The fields that are not keys of the recipe."""

OFF, ON = "off", "on"
OWN = "declared"
"""The default of what each entry of the catalog declares for itself."""

FIRST = ("training.epochs", "optimizer.lr")
"""Recipe keys that come first: they are changed most often."""

DIFFERS = "differs"
"""Shown in place of a default that the selected experiments do not share."""

AUTO = "the least busy GPU with enough memory, else the CPU"

MOST_AT_ONCE = 64
MOST_ALPHA = 0.5


@dataclass(frozen=True, slots=True)
class FormField:
    """One field of the form."""

    key: str
    default: str
    allowed: str
    """In words."""
    choices: tuple[str, ...] = ()
    meaning: str = ""
    typed: str | None = None
    """None where nothing was changed."""
    error: str = ""

    @property
    def text(self) -> str:
        """The value of the field."""
        return self.default if self.typed is None else self.typed

    @property
    def is_changed(self) -> bool:
        """Whether the value differs from the default."""
        return self.typed is not None and self.typed != self.default

    def turned(self, by: int) -> str:
        """The next (1) or previous (-1) choice; there are choices."""
        here = self.choices.index(self.text) if self.text in self.choices else -1 if by > 0 else 0
        return self.choices[(here + by) % len(self.choices)]


def form_fields(
    variants: Sequence[Variant],
    seeds: Iterable[int],
    devices: Mapping[str, str],
    typed: Mapping[str, str],
    code: LabCode = NO_CODE,
) -> tuple[FormField, ...]:
    """All fields for the selected variants, with the typed texts checked.

    Only keys that all selected variants have can be changed. `seeds` are the catalog's, `devices` maps the names of
    devices to their descriptions, `typed` maps keys to texts.
    """
    numbers = ",".join(map(str, seeds))
    device = FormField(DEVICE, "auto", devices.get(typed.get(DEVICE, ""), AUTO), ("auto", *devices), "training device")
    seeds_field = FormField(
        SEEDS, numbers, "a count such as 3, or 0,4,7, or 0-4", meaning="one run of each experiment per seed"
    )
    at_once = FormField(AT_ONCE, "1", f"1 to {MOST_AT_ONCE}", meaning="runs that share the device")
    until = FormField(
        UNTIL, OFF, "trains as many seeds as a verdict needs", (OFF, ON), "as many seeds as a verdict needs"
    )
    if typed.get(UNTIL) == ON:  # it chooses the seeds itself
        common = [device, at_once, until, *_until_fields(variants)]
    else:
        common = [seeds_field, device, at_once, until]
    found = [*common, *(_recipe_fields(variants, typed, code) if variants else [])]
    return tuple(_checked(replace(field, typed=typed.get(field.key)), variants, code) for field in found)


def _until_fields(variants: Sequence[Variant]) -> list[FormField]:
    """The terms of a plan that runs until it is decided; shown only where that is switched on."""
    effects = {f"{variant.smallest_effect:g}" if variant.smallest_effect else "none" for variant in variants}
    baselines = {variant.spec.baseline or "none" for variant in variants}
    return [
        FormField(MAX_SEEDS, str(CAP), f"{FIRST_LOOK} to {MOST_SEEDS}", meaning="the plan ends here even if undecided"),
        FormField(ALPHA_KEY, f"{ALPHA:g}", "above 0, below 0.5", meaning="share of false claims over the whole plan"),
        FormField(EFFECT, _shared(effects), "above 0", meaning="the smallest difference that matters"),
        FormField(
            BASELINE,
            _shared(baselines),
            "an experiment",
            meaning="the experiment to compare with; its seeds are trained too",
        ),
    ]


def _shared(texts: set[str]) -> str:
    """The default that all selected experiments share; else that each has its own."""
    return texts.pop() if len(texts) == 1 else OWN


def initial_texts(request: LaunchRequest, variants: Sequence[Variant], code: LabCode = NO_CODE) -> dict[str, str]:
    """The texts of the fields when the dialog opens with a request; short keys are written out."""
    overrides = _pairs(request)
    keys = (
        [field.key for field in fields(_with_overrides(variants[0].spec, dict(overrides), code), code)]
        if variants
        else []
    )
    typed = {next((key for key in keys if key.endswith(f".{name}")), name): text for name, text in overrides}
    typed |= {SEEDS: request.seeds} if request.seeds else {}
    typed |= {DEVICE: request.device} if request.device != "auto" else {}
    typed |= {AT_ONCE: str(request.at_once)} if request.at_once != 1 else {}
    return typed | (_until_texts(request.until) if request.until else {})


def _until_texts(until: UntilDecided) -> dict[str, str]:
    texts = {UNTIL: ON, MAX_SEEDS: str(until.max_seeds), ALPHA_KEY: f"{until.alpha:g}"}
    texts |= {EFFECT: f"{until.smallest_effect:g}"} if until.smallest_effect else {}
    return texts | ({BASELINE: until.baseline} if until.baseline else {})


def _pairs(request: LaunchRequest) -> list[tuple[str, str]]:
    return [
        (name, text) for name, equals, text in (override.partition("=") for override in request.overrides) if equals
    ]


def request_of(form: Sequence[FormField], names: tuple[str, ...]) -> LaunchRequest:
    """The request that the fields make for these experiments."""
    texts = {field.key: field.text for field in form if field.is_changed}
    at_once = texts.get(AT_ONCE, "1")
    return LaunchRequest(
        names,
        texts.get(SEEDS, ""),
        overrides(form),
        texts.get(DEVICE, "auto"),
        int(at_once) if at_once.isascii() and at_once.isdecimal() else 1,
        _until_of(texts) if texts.get(UNTIL) == ON else None,
    )


def _until_of(texts: Mapping[str, str]) -> UntilDecided:
    """The terms of these texts; the default for one that is not valid, which its own field says."""
    max_seeds, alpha = texts.get(MAX_SEEDS, ""), _number(texts.get(ALPHA_KEY, ""))
    return UntilDecided(
        int(max_seeds) if _is_count(max_seeds) else CAP,
        alpha if alpha is not None else ALPHA,
        _number(texts.get(EFFECT, "")),
        texts.get(BASELINE, "").strip() or None,
    )


def _number(text: str) -> float | None:
    """The finite number of a text, or None."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if isfinite(number) else None


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 9


def overrides(form: Iterable[FormField]) -> tuple[str, ...]:
    """The recipe keys that were changed, as `key=value`."""
    return tuple(f"{field.key}={field.typed}" for field in form if field.is_changed and field.key not in LAUNCH_KEYS)


def _recipe_fields(variants: Sequence[Variant], typed: Mapping[str, str], code: LabCode) -> list[FormField]:
    defaults = [{field.key: field.text for field in fields(variant.spec, code)} for variant in variants]
    tables = [
        {field.key: field for field in fields(_with_overrides(variant.spec, typed, code), code)} for variant in variants
    ]
    found = []
    for key, field in tables[0].items():
        if not all(key in table for table in tables):
            continue
        # A key that only comes with another optimizer has no default in the spec, but one of its own.
        texts = {own.get(key, table[key].text) for own, table in zip(defaults, tables, strict=True)}
        default = texts.pop() if len(texts) == 1 else DIFFERS
        choices = tuple(dict.fromkeys((*known_datasets(), field.text))) if key == "data.name" else field.choices
        found.append(FormField(key, default, field.type_text, choices, field.meaning))
    return sorted(found, key=lambda field: FIRST.index(field.key) if field.key in FIRST else len(FIRST))


def _with_overrides(spec: Spec, typed: Mapping[str, str], code: LabCode) -> Spec:
    """The spec with those of the typed texts that are valid: another optimizer brings other keys."""
    for key, text in sorted(typed.items(), key=lambda pair: not pair[0].endswith(".name")):
        if key not in LAUNCH_KEYS:
            try:
                spec = override(spec, [f"{key}={text}"], code)
            except UsageError:  # the field itself shows the error
                continue
    return spec


def _checked(field: FormField, variants: Sequence[Variant], code: LabCode) -> FormField:
    if not field.is_changed:
        return field
    try:
        if field.key == SEEDS:
            parse_seeds(field.text)
        elif field.key == AT_ONCE:
            _check_count(field.text, 1, MOST_AT_ONCE)
        elif field.key in _CHECKS:
            _CHECKS[field.key](field.text)
        elif field.key == DEVICE:
            return field if field.text in field.choices else replace(field, error="no such device on this machine")
        else:
            for variant in variants:
                override(variant.spec, [f"{field.key}={field.text}"], code)
    except UsageError as error:
        return replace(field, error=clean_line(error.message.partition("\n")[0]))
    return field


def _check_count(text: str, least: int, most: int) -> None:
    if not (_is_count(text) and least <= int(text) <= most):
        raise UsageError(f"a whole number from {least} to {most}")


def _check_alpha(text: str) -> None:
    if not 0 < (_number(text) or 0) < MOST_ALPHA:
        raise UsageError(f"a number above 0 and below {MOST_ALPHA:g}")


def _check_effect(text: str) -> None:
    if not (_number(text) or 0) > 0:
        raise UsageError("a number above 0")


_CHECKS: Mapping[str, Callable[[str], None]] = {
    UNTIL: lambda text: _check_choice(text, (OFF, ON)),
    MAX_SEEDS: lambda text: _check_count(text, FIRST_LOOK, MOST_SEEDS),
    ALPHA_KEY: _check_alpha,
    EFFECT: _check_effect,
    BASELINE: lambda _: None,  # the plan says which names there are
}


def _check_choice(text: str, choices: tuple[str, ...]) -> None:
    if text not in choices:
        raise UsageError(" or ".join(choices))


# --- Lines ------------------------------------------------------------------------------------------------------------

WIDE = 64
"""Cells from which a hint fits beside each value."""

LEAST_VALUE = 6
"""Cells that a value gets, however narrow the form is."""


def field_line(field: FormField, width: int, glyphs: Glyphs, *, key_width: int, current: bool) -> Line:
    """One field in at most `width` cells: its key, its value, and what is allowed or what is wrong."""
    style = "bad" if field.error else "accent" if field.is_changed else "muted" if field.text == DIFFERS else ""
    arrows = Span("< > " if glyphs.ascii else "‹ › ", "muted") if field.choices and current else Span("")
    hint = field.error or (_hint(field, current=current) if width >= WIDE else "")
    return shorten(
        (
            *fit((Span(field.key, "strong" if current else "muted"),), key_width - 1, ellipsis=glyphs.ellipsis),
            Span(" "),
            *fit((Span(field.text, style),), value_width(width, key_width), ellipsis=glyphs.ellipsis),
            Span(" "),
            arrows,
            Span(hint, "bad" if field.error else "muted"),
        ),
        width,
        glyphs.ellipsis,
    )


def help_text(field: FormField, *, brief: bool = False) -> str:
    """What the field means and what is allowed in it; in brief, the error or what is allowed."""
    allowed = " ".join(field.choices) or field.allowed
    if brief:
        return field.error.removeprefix(f"{field.key}: ") or allowed or field.meaning
    return f"{field.meaning.rstrip('.')}: {allowed}" if field.meaning and allowed else field.meaning or allowed


def _hint(field: FormField, *, current: bool) -> str:
    """What is allowed; of the current field the choices, but of a device how busy it is."""
    return " ".join(field.choices) if field.choices and current and field.key != DEVICE else field.allowed


def key_width(form: Iterable[FormField], width: int) -> int:
    """Cells of the keys in a form of this width."""
    longest = max((text_width(field.key) for field in form), default=8) + 2
    return min(longest, max(2, min(10, width - LEAST_VALUE - 1), width // 2 - 4))


def value_width(width: int, key_width: int) -> int:
    """Cells of the values in a form of this width."""
    return min(18, max(LEAST_VALUE, width - key_width))
