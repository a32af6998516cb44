"""A plan for a person: how many files get which genre, some of them, and what is left alone and why."""

import math
from collections import Counter

from tonearm.library.plan_file import Plan, PlanRow
from tonearm.wording import count

EXAMPLES = 20
MOST_REASONS = 12  # reasons with a number of their own; files have many ways to be damaged


def summary(plan: Plan) -> str:
    """The plan in some forty lines."""
    field, planned = plan.header.field, plan.planned
    left = [row for row in plan.rows if row.new is None]
    lines = [
        f"{plan.header.library}: {count(len(plan.rows), 'file')}, of which {len(planned)} would get a {field}",
        *_counts(Counter("; ".join(_texts(row)) for row in planned)),
        f"left alone: {len(left)}",
        *_counts(Counter(row.reason for row in left), MOST_REASONS),
    ]
    if planned:
        shown = [planned[number * len(planned) // EXAMPLES] for number in range(EXAMPLES)]
        few = list(dict.fromkeys(shown)) if len(planned) > EXAMPLES else list(planned)
        lines += [f"{count(len(few), 'example')}:" if len(planned) > len(few) else "all of them:", *map(_example, few)]
    return "\n".join(lines)


def advice(plan: Plan, doubts: tuple[str, ...] = ()) -> list[str]:
    """How to plan more, where answers were left out for not being sure. doubts: why the run calls none sure, if so."""
    unsure = [row for row in plan.rows if row.new is None and row.probability is not None and row.sure is not True]
    waiting = [row for row in unsure if "sure" in row.reason]
    if plan.header.unsure or not waiting:
        return []
    likely = sorted((row.probability or 0.0 for row in waiting), reverse=True)
    half = math.floor(100 * likely[len(likely) // 2]) / 100
    return [
        *doubts,
        f"{count(len(waiting), 'file')} would be planned if answers that are not sure were taken, too: --unsure does "
        f"that, and with --min-probability {half:.2f} only for the likelier half of them",
    ]


def _counts(found: Counter[str], most: int = 0) -> list[str]:
    """One line for each, the commonest first; beyond `most`, their sum in one line."""
    ranked = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    kept, rest = (ranked[:most], ranked[most:]) if most and len(ranked) > most + 1 else (ranked, [])
    width = len(str(max(found.values(), default=0)))
    lines = [f"  {number:>{width}}  {name}" for name, number in kept]
    further = sum(number for _, number in rest)
    return [*lines, f"  {further:>{width}}  for {len(rest)} further reasons"] if rest else lines


def _texts(row: PlanRow) -> tuple[str, ...]:
    return (row.new,) if isinstance(row.new, str) else row.new or ()


def _example(row: PlanRow) -> str:
    old = "; ".join(row.old) or "–"
    sure = "" if row.sure else "  unsure"
    probability = "" if row.probability is None else f"  {row.probability:.2f}"
    return f"  {row.file}:  {old} → {'; '.join(_texts(row))}{probability}{sure}"
