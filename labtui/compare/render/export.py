"""The table for other programs and for papers. `text.to_text` is the one for terminals."""

import csv
import html as _html
import io
import json
import math
import re
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from labtui.compare.model import Comparison, Row, Table
from labtui.compare.render.notes import footnotes
from labtui.compare.render.text import to_lines, to_text
from labtui.text import numbers

__all__ = ["to_csv", "to_json", "to_latex", "to_lines", "to_markdown", "to_text"]

SCHEMA = 1

_HEADS = ("", "n", "mean", "sd", "against", "Δ", "95% interval", "p (Holm)", "verdict", "published", "ours", "notes")


def to_json(table: Table) -> str:
    """Everything that the table knows, as indented JSON; what is not a number is null."""
    plain = msgspec.to_builtins(table)
    for row, told in zip(table.rows, plain["rows"], strict=True):
        fair = row.comparison
        told |= {"n": row.n, "verdict": row.word, "delta": fair.delta if fair else None}
        told["against"] = fair.against_name if fair else None
        told["confounds"] = [finding.text for finding in row.declared.confounds] if row.declared else []
    return json.dumps({"schema": SCHEMA, **_finite(plain)}, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def to_csv(table: Table) -> str:
    """One line per row and comparison, numbers unrounded, empty where there is none."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(_CSV)
    for row in table.rows:
        for one in row.comparisons or (None,):
            writer.writerow([_cell(read(row, one)) for read in _CSV.values()])
    return stream.getvalue()


def to_markdown(table: Table) -> str:
    """A table with footnotes for GitHub and its like."""
    notes = footnotes(table)
    rule = _pipes(["---", *["---:"] * 3, "---", "---:", *["---"] * 6])
    lines = [f"**{markdown(caption(table))}**", "", _pipes(_HEADS), rule]
    for row in table.rows:
        mark = f"<sup>{', '.join(map(str, notes.of_row[row.key]))}</sup>" if notes.of_row[row.key] else ""
        cells = _paper_cells(row, table)
        lines += [_pipes([*map(markdown, line), mark if not index else ""]) for index, line in enumerate(cells)]
    lines += ["", *(f"{one.number}. **{one.label}**: {markdown(one.text)}{_code(one.mend)}" for one in notes.notes)]
    lines += ["", *(f"*{markdown(note)}*" for note in table.notes)] if table.notes else []
    return "\n".join(lines) + "\n"


def to_latex(table: Table) -> str:
    """A table for a paper; needs \\usepackage{booktabs}."""
    notes = footnotes(table)
    lines = ["% needs \\usepackage{booktabs}", "\\begin{table}", "\\centering\\small"]
    lines += [f"\\caption{{{latex(caption(table))}}}", "\\begin{tabular}{lrrrlrlllrrl}", "\\toprule"]
    lines += [" & ".join(map(latex, _HEADS)) + " \\\\", "\\midrule"]
    for row in table.rows:
        marks = ",".join(map(str, notes.of_row[row.key]))
        for index, cells in enumerate(_paper_cells(row, table)):
            mark = f"$^{{{marks}}}$" if marks and not index else ""
            lines.append(" & ".join([*map(latex, cells), mark]) + " \\\\")
    lines += ["\\bottomrule", "\\end{tabular}", "\\begin{flushleft}\\footnotesize"]
    lines += [f"$^{{{one.number}}}$ {latex(one.label)}: {latex(one.text)}.\\\\" for one in notes.notes]
    return "\n".join([*lines, "\\end{flushleft}", "\\end{table}", ""])


def caption(table: Table) -> str:
    """What the numbers are, in a sentence: metric, unit, selection, intervals."""
    metric = table.metric
    unit = f" in {metric.unit}" if metric.unit else ""
    held = f", held over {table.judged} judged lines at once (Holm)" if table.judged > 1 else ""
    what = f"{metric.tag}{unit}, mean and standard deviation over seeds ({metric.selection})"
    return f"{what}; Δ in {metric.delta_unit or metric.tag}, 95% intervals{held}"


def _paper_cells(row: Row, table: Table) -> list[list[str]]:
    digits = table.metric.digits
    spread = numbers.decimal(row.sd, digits) if row.sd is not None else ""
    shown = next(iter(row.published), None)
    figures = [f"{shown.value:g}", numbers.decimal(shown.ours, 2)] if shown else ["", ""]
    level = [row.title, str(row.n), numbers.decimal(row.mean, digits), spread]
    first = [*level, *_compared(row, row.declared, digits), *figures]
    return [first, *([["", "", "", "", *_compared(row, row.matched, digits), "", ""]] if row.matched else [])]


def _compared(row: Row, one: Comparison | None, digits: int) -> list[str]:
    if one is None:
        return ["", "", "", "", row.word]
    interval = numbers.interval(one.shown_interval, digits) if one.shown_interval else ""
    p = numbers.p_value(one.p_adjusted).removeprefix("p = ").removeprefix("p ")
    return [one.against, numbers.signed(one.delta, digits), interval, p, one.word]


def _pipes(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _code(command: str) -> str:
    return f" → `{command.replace('`', '')}`" if command else ""


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _cell(value: Any) -> str:
    """A cell of a spreadsheet; text that one would take for a formula is quoted."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    text = f"{value:.10g}" if isinstance(value, float) else str(value)
    return f"'{text}" if isinstance(value, str) and text[:1] in ("=", "+", "-", "@") else text


_CSV: dict[str, Callable[[Row, Comparison | None], Any]] = {
    "name": lambda row, _: row.name,
    "title": lambda row, _: row.title,
    "data": lambda row, _: row.data,
    "device": lambda row, _: row.device,
    "n": lambda row, _: row.n,
    "mean": lambda row, _: row.mean,
    "sd": lambda row, _: row.sd,
    "against": lambda _, one: one and one.against_name,
    "matched": lambda _, one: one and ("yes" if one.matched else "no"),
    "delta": lambda _, one: one and one.delta,
    "low": lambda _, one: one.interval[0] if one and one.interval else None,
    "high": lambda _, one: one.interval[1] if one and one.interval else None,
    "p": lambda _, one: one and one.p,
    "adjusted_low": lambda _, one: one.adjusted[0] if one and one.adjusted else None,
    "adjusted_high": lambda _, one: one.adjusted[1] if one and one.adjusted else None,
    "p_holm": lambda _, one: one and one.p_adjusted,
    "p_sign_flip": lambda _, one: one and one.sign_flip_p,
    "verdict": lambda row, one: one.verdict.value if one else row.word,
    "why": lambda _, one: one and one.why,
    "confounds": lambda _, one: one and "; ".join(finding.text for finding in one.confounds),
    "cross_entropy": lambda row, _: row.cross_entropy,
    "published": lambda row, _: row.published[0].value if row.published else None,
    "published_tag": lambda row, _: row.published[0].tag if row.published else None,
    "ours": lambda row, _: row.published[0].ours if row.published else None,
    "epochs": lambda row, _: row.budget.epochs,
    "steps": lambda row, _: row.budget.steps,
    "images_seen": lambda row, _: row.budget.images_seen,
    "seconds": lambda row, _: row.budget.seconds,
    "images_per_second": lambda row, _: row.budget.images_per_second,
    "parameters": lambda row, _: row.budget.parameters,
    "flops_per_image": lambda row, _: row.budget.flops_per_image,
}


_MARKDOWN = re.compile(r"([\\`*_\[\]<>|#~$])")
_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "\N{MINUS SIGN}": "$-$", "\N{MULTIPLICATION SIGN}": r"$\times$", "\N{PLUS-MINUS SIGN}": r"$\pm$",
    "\N{GREEK CAPITAL LETTER DELTA}": r"$\Delta$", "\N{EN DASH}": "--", "\N{MIDDLE DOT}": r"$\cdot$",
    "\N{HORIZONTAL ELLIPSIS}": r"\dots{}", "\N{RIGHTWARDS ARROW}": r"$\rightarrow$",
}  # fmt: skip


def html(text: str) -> str:
    """Text for an element or a quoted attribute."""
    return _html.escape(text, quote=True)


def markdown(text: str) -> str:
    """Text for a paragraph or a table cell, on one line."""
    return _MARKDOWN.sub(r"\\\1", text.replace("\n", " "))


def latex(text: str) -> str:
    """Text for a paragraph or a table cell; needs no packages."""
    return "".join(_LATEX.get(character, character) for character in text.replace("\n", " "))
