"""Labels at the ends of lines: each as near to its line as there is room, none over another."""

from collections.abc import Sequence


def spread_rows(wanted: Sequence[float], rows: int) -> list[int]:
    """A row of 0..rows-1 for each label, all different, in the order of the wanted rows and near to them.

    Labels that crowd each other are pushed apart as blocks around their common middle. At most `rows` labels.
    """
    if len(wanted) > rows:
        raise ValueError(f"{len(wanted)} labels do not fit into {rows} rows")
    order = sorted(range(len(wanted)), key=lambda k: wanted[k])
    blocks: list[list[float]] = []
    for index in order:
        blocks.append([wanted[index], 1])
        while len(blocks) > 1 and _bottom(blocks[-2]) > _top(blocks[-1]):
            middle, size = blocks.pop()
            above, count = blocks[-1]
            blocks[-1] = [(above * count + middle * size) / (count + size), count + size]
    placed: list[int] = []
    for middle, size in blocks:
        first = round(middle - (size - 1) / 2)
        placed.extend(range(first, first + int(size)))
    _keep_inside(placed, rows)
    result = [0] * len(wanted)
    for index, row in zip(order, placed, strict=True):
        result[index] = row
    return result


def _top(block: list[float]) -> float:
    return block[0] - block[1] / 2


def _bottom(block: list[float]) -> float:
    return block[0] + block[1] / 2


def _keep_inside(placed: list[int], rows: int) -> None:
    """Rounding and the edges can still make neighbours meet: push down from the top, then up from the bottom."""
    for k, row in enumerate(placed):
        placed[k] = max(row, placed[k - 1] + 1 if k else 0)
    for k in range(len(placed) - 1, -1, -1):
        placed[k] = min(placed[k], placed[k + 1] - 1 if k + 1 < len(placed) else rows - 1)


def end_labels(ends: Sequence[tuple[float, str, str]], rows: int) -> dict[int, tuple[str, str]]:
    """Row -> (text, ink) for labels given as (wanted row, text, ink), the most important first.

    Where there are more labels than rows, the last row counts those that are left out.
    """
    if rows <= 0 or not ends:
        return {}
    kept = ends if len(ends) <= rows else ends[: rows - 1]
    places = spread_rows([row for row, _, _ in kept], rows if len(kept) == len(ends) else rows - 1)
    labels = {place: (text, ink) for place, (_, text, ink) in zip(places, kept, strict=True)}
    if len(kept) < len(ends):
        labels[rows - 1] = (f"+{len(ends) - len(kept)} more", "muted")
    return labels
