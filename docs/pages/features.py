"""Every feature family as a page of Markdown: the registry's facts, the function's docstring, and its formula."""

import inspect

from pages.formulas import FORMULAS, SYMBOLS
from tonearm.representations.features import feature_columns
from tonearm.representations.features.families import FAMILIES
from tonearm.settings import FeatureSettings

HEAD = """# Features

Each family turns a clip into one or more series of numbers over frames, and statistics over the frames turn these into
columns of a table. This page is generated from the program's registry of families; `tonearm features` prints its table.
Every family that librosa has equals librosa's function of its name, called with its defaults (relative difference at
most 1e-4, the tempo exactly); the tests call librosa's own functions.
"""
STATISTICS = """## Statistics

Each series becomes one column for each statistic: `mean`, `var` (the mean squared deviation, divisor $n$), `std`,
`min`, `max`, `median`, `skew` and `kurtosis`. With the mean $\\mu$ and the standard deviation $\\sigma$ of a series
$x$ of $n$ frames,

$$
\\mathrm{skew} = \\frac{1}{n} \\sum_t \\left(\\frac{x_t - \\mu}{\\sigma}\\right)^3, \\qquad
\\mathrm{kurtosis} = \\frac{1}{n} \\sum_t \\left(\\frac{x_t - \\mu}{\\sigma}\\right)^4 - 3,
$$

and both are 0 for a series that does not vary. Columns are named `family_statistic`, with a number from 01 where a
family has several series, as in `mfcc_mean_03`.
"""


def features_page() -> str:
    """The page of all families."""
    lines = [HEAD, _overview(), _presets(), STATISTICS, "## What the symbols mean", "", SYMBOLS]
    for name in FAMILIES:
        lines += [_family(name)]
    return "\n".join(lines)


def _overview() -> str:
    """The registry as a table."""
    rows = [
        f"| [`{name}`](#{_anchor(name)}) | {family.series} | {family.unit} | {_cell(family.source)} |"
        for name, family in FAMILIES.items()
    ]
    return "\n".join(["| family | series | unit | source |", "|---|---|---|---|", *rows, ""])


def _presets() -> str:
    meanings = {
        "gtzan57": "the columns of the public GTZAN table `features_30_sec.csv`",
        "fma518": "the columns of FMA's `features.csv`",
        "basic": "all families that are quick to compute, by mean, largest and smallest value",
        "full": "all families by all statistics; the default",
    }
    columns = {name: len(feature_columns(FeatureSettings.model_validate({"preset": name}))) for name in meanings}
    rows = [f"| `{name}` | {columns[name]} | {meaning} |" for name, meaning in meanings.items()]
    return "\n".join(["## Presets", "", "| preset | columns | meaning |", "|---|---|---|", *rows, ""])


def _family(name: str) -> str:
    """One family: heading, formula, what its docstring says, unit, source."""
    family = FAMILIES[name]
    latex, letters = FORMULAS.get(name, ("", ""))
    formula = f"$$\n{latex}\n$$\n\n{letters}".rstrip() if latex else f"Formula: {_cell(family.formula)}"
    count = f"`{family.series}` series" if isinstance(family.series, str) else f"{family.series} series"
    said = inspect.getdoc(family.compute) or ""
    return "\n\n".join(
        [
            f"({_anchor(name)})=\n## `{name}`",
            said.replace("``", "`"),
            formula,
            (f"In short: {_cell(family.formula)}. " if latex else "")
            + f"Source: {family.source}. Unit: {family.unit}; "
            + ("one number a clip." if family.scalar else f"{'1 series' if family.series == 1 else count} over frames.")
            + "\n",
        ]
    )


def _anchor(name: str) -> str:
    return f"family-{name.replace('_', '-')}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("*", "\\*")
