"""The table for other programs and for papers: JSON, CSV, Markdown, LaTeX. `text.to_text` is for terminals."""

import csv
import html as _html
import io
import json
import math
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from labtui.compare.model import (
    BorrowedSpread,
    Comparison,
    ComparisonRow,
    ComparisonTable,
    Finding,
    OtherImages,
    Superiority,
)
from labtui.compare.render import phrases
from labtui.compare.render.commands import remedy_text, run_command
from labtui.compare.render.notes import footnotes
from labtui.compare.render.phrases import p_cell
from labtui.text import numbers

SCHEMA = 1

_HEADS = ("", "n", "mean", "sd", "against", "Δ", "95% interval", "p (Holm)", "verdict", "published", "ours", "notes")


def to_json(table: ComparisonTable) -> str:
    """The whole table as indented JSON; NaN and infinities are null."""
    content = msgspec.to_builtins(table) | {"rows": [_json_row(row) for row in table.rows]}
    return json.dumps({"schema": SCHEMA, **_finite(content)}, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _json_row(row: ComparisonRow) -> dict[str, Any]:
    fair = row.comparison
    content: dict[str, Any] = msgspec.to_builtins(row)
    return content | {
        "declared": _json_comparison(row.declared),
        "matched": _json_comparison(row.matched),
        "findings": list(map(_json_finding, row.findings)),
        "n": row.n,
        "verdict": fair.label_for_programs if fair and row.label == fair.label else row.label,
        "delta": fair.delta if fair else None,
        "against": fair.against_name if fair else None,
        "confounds": [finding.text for finding in row.declared.confounds] if row.declared else [],
    }


def _json_comparison(comparison: Comparison | None) -> dict[str, Any] | None:
    if comparison is None:
        return None
    content: dict[str, Any] = msgspec.to_builtins(comparison)
    content |= {"findings": list(map(_json_finding, comparison.findings))}
    if comparison.need:
        content["need"]["command"] = run_command(comparison.need.runs)
    return content


def _json_finding(finding: Finding) -> dict[str, Any]:
    content: dict[str, Any] = msgspec.to_builtins(finding)
    return content | {"mend": remedy_text(finding.remedy)}


def to_records(table: ComparisonTable) -> list[dict[str, Any]]:
    """The columns of `to_csv` by name, one dict per row and comparison; missing values are None."""
    return [
        {name: read(row, comparison) for name, read in _CSV.items()}
        for row in table.rows
        for comparison in row.comparisons or (None,)
    ]


def to_csv(table: ComparisonTable) -> str:
    """One line per row and comparison; numbers are unrounded, missing ones empty."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(_CSV)
    writer.writerows(map(_cell, record.values()) for record in to_records(table))
    return stream.getvalue()


def to_html(table: ComparisonTable) -> str:
    """The table with its footnotes as an HTML fragment, for notebooks."""
    notes = footnotes(table)
    lines = [f"<p><b>{html(caption(table))}</b></p>", "<table><thead>", _html_row("th", map(html, _HEADS)), "</thead>"]
    lines.append("<tbody>")
    for row in table.rows:
        marks = f"<sup>{', '.join(map(str, notes.of_row[row.key]))}</sup>"
        for index, cells in enumerate(_paper_cells(row, table)):
            lines.append(_html_row("td", (*map(html, cells), marks if not index else "")))
    lines += ["</tbody></table>", "<ol>"]
    for note in notes.notes:
        command = f" → <code>{html(note.remedy)}</code>" if note.remedy else ""
        lines.append(f'<li value="{note.number}"><b>{html(note.label)}</b>: {html(note.text)}{command}</li>')
    lines += ["</ol>", *(f"<p><i>{html(note)}</i></p>" for note in (*table.looking, *table.notes))]
    return "\n".join(lines)


def to_markdown(table: ComparisonTable) -> str:
    """A Markdown table with footnotes."""
    notes = footnotes(table)
    rule = _pipes(["---", *["---:"] * 3, "---", "---:", *["---"] * 6])
    lines = [f"**{markdown(caption(table))}**", "", _pipes(_HEADS), rule]
    for row in table.rows:
        mark = f"<sup>{', '.join(map(str, notes.of_row[row.key]))}</sup>" if notes.of_row[row.key] else ""
        cells = _paper_cells(row, table)
        lines += [_pipes([*map(markdown, line), mark if not index else ""]) for index, line in enumerate(cells)]
    lines.append("")
    lines += [f"{note.number}. **{note.label}**: {markdown(note.text)}{_code(note.remedy)}" for note in notes.notes]
    remarks = (*table.looking, *table.notes)
    lines += ["", *(f"*{markdown(note)}*" for note in remarks)] if remarks else []
    return "\n".join(lines) + "\n"


def to_latex(table: ComparisonTable) -> str:
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
    lines += [f"$^{{{note.number}}}$ {latex(note.label)}: {latex(note.text)}.\\\\" for note in notes.notes]
    lines += [f"{latex(remark)}.\\\\" for remark in table.looking]
    return "\n".join([*lines, "\\end{flushleft}", "\\end{table}", ""])


def caption(table: ComparisonTable) -> str:
    """A sentence about the numbers: metric, unit, selection, intervals."""
    metric = table.metric
    unit = f" in {metric.unit}" if metric.unit else ""
    adjusted = phrases.adjusted(table)
    values = f"{metric.tag}{unit}, mean and standard deviation over seeds ({metric.selection})"
    return f"{values}; Δ in {metric.delta_unit or metric.tag}, 95% intervals{adjusted}"


def _paper_cells(row: ComparisonRow, table: ComparisonTable) -> list[list[str]]:
    digits = table.metric.digits
    spread = numbers.decimal(row.sd, digits) if row.sd is not None else ""
    shown = next(iter(row.published), None)
    figures = [f"{shown.value:g}", numbers.decimal(shown.ours, 2)] if shown else ["", ""]
    level = [row.title, row.seeds_text, numbers.decimal(row.mean, digits), spread]
    first = [*level, *_compared(row, row.declared, digits), *figures]
    return [first, *([["", "", "", "", *_compared(row, row.matched, digits), "", ""]] if row.matched else [])]


def _compared(row: ComparisonRow, comparison: Comparison | None, digits: int) -> list[str]:
    if comparison is None:
        return ["", "", "", "", row.label]
    interval = numbers.interval(comparison.shown_interval, digits) if comparison.shown_interval else ""
    delta = numbers.signed(comparison.delta, digits)
    return [comparison.against, delta, interval, p_cell(comparison), comparison.label]


def _pipes(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _html_row(tag: str, cells: Iterable[str]) -> str:
    return f"<tr>{''.join(f'<{tag}>{cell}</{tag}>' for cell in cells)}</tr>"


def _code(command: str) -> str:
    return f" → `{command.replace('`', '')}`" if command else ""


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _cell(value: Any) -> str:
    """A cell of a spreadsheet; text that looks like a formula is quoted."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    text = f"{value:.10g}" if isinstance(value, float) else str(value)
    return f"'{text}" if isinstance(value, str) and text[:1] in ("=", "+", "-", "@") else text


def _bound(estimate: OtherImages | BorrowedSpread | Superiority | None, side: int) -> float | None:
    """One end of an estimate's interval."""
    return estimate.interval[side] if estimate and estimate.interval else None


_CSV: dict[str, Callable[[ComparisonRow, Comparison | None], Any]] = {
    "name": lambda row, _: row.name,
    "title": lambda row, _: row.title,
    "data": lambda row, _: row.data,
    "device": lambda row, _: row.device,
    "n": lambda row, _: row.n,
    "mean": lambda row, _: row.mean,
    "sd": lambda row, _: row.sd,
    "against": lambda _, comparison: comparison and comparison.against_name,
    "matched": lambda _, comparison: comparison and ("yes" if comparison.matched else "no"),
    "delta": lambda _, comparison: comparison and comparison.delta,
    "low": lambda _, comparison: comparison.interval[0] if comparison and comparison.interval else None,
    "high": lambda _, comparison: comparison.interval[1] if comparison and comparison.interval else None,
    "p": lambda _, comparison: comparison and comparison.p,
    "adjusted_low": lambda _, comparison: comparison.adjusted[0] if comparison and comparison.adjusted else None,
    "adjusted_high": lambda _, comparison: comparison.adjusted[1] if comparison and comparison.adjusted else None,
    "p_holm": lambda _, comparison: comparison and comparison.p_adjusted,
    "p_sign_flip": lambda _, comparison: comparison and comparison.sign_flip_p,
    "verdict": lambda row, comparison: comparison.verdict.value if comparison else row.label,
    "why": lambda _, comparison: comparison and comparison.why,
    "confounds": lambda _, comparison: comparison and "; ".join(finding.text for finding in comparison.confounds),
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
    "other_images_low": lambda _, comparison: _bound(comparison.other_images if comparison else None, 0),
    "other_images_high": lambda _, comparison: _bound(comparison.other_images if comparison else None, 1),
    "borrowed_low": lambda _, comparison: _bound(comparison.borrowed if comparison else None, 0),
    "borrowed_high": lambda _, comparison: _bound(comparison.borrowed if comparison else None, 1),
    "p_better": lambda _, comparison: (
        comparison.superiority.probability if comparison and comparison.superiority else None
    ),
    "p_better_low": lambda _, comparison: _bound(comparison.superiority if comparison else None, 0),
    "p_better_high": lambda _, comparison: _bound(comparison.superiority if comparison else None, 1),
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
    """Text for a paragraph or a table cell, on comparison line."""
    return _MARKDOWN.sub(r"\\\1", text.replace("\n", " "))


def latex(text: str) -> str:
    """Text for a paragraph or a table cell; needs no packages."""
    return "".join(_LATEX.get(character, character) for character in text.replace("\n", " "))
