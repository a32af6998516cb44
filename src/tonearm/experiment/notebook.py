"""An experiment in a notebook: its answers as a data frame, and its leaderboard as a short piece of HTML."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from tonearm.experiment.comparison import read_groups, read_judged
from tonearm.experiment.leaderboard import PARTS, Row
from tonearm.wording import interval, number

if TYPE_CHECKING:
    import pandas as pd


def predictions_frame(folders: Mapping[str, Path]) -> "pd.DataFrame":
    """Every answer to an evaluated clip, by models that had not seen it: model, filename, group, truth, prediction,
    and the probability of each label as p_<label>; of repeated folds one row for each repeat.

    folders: of each model's answers.
    """
    import pandas as pd

    frames = []
    for model, folder in folders.items():
        table, groups = read_judged(folder), read_groups(folder)
        columns = {
            "model": model,
            "filename": table.names,
            "group": [groups.get(name, "") for name in table.names],
            "truth": table.truth,
            "prediction": table.predictions,
        }
        shares = {f"p_{label}": table.probabilities[:, place] for place, label in enumerate(table.labels)}
        frames.append(pd.DataFrame({**columns, **shares}))
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def leaderboard_html(rows: Sequence[Row], split: str, verdict: str) -> str:
    """The leaderboard as a table that takes the notebook's own style; every name is escaped."""
    titles = ("model", *PARTS, "95 % interval", "F1", "log loss")
    lines = "".join(f"<tr>{_cells(row)}</tr>" for row in rows)
    head = "".join(f"<th>{title}</th>" for title in titles)
    return (
        f"<p>{escape(split)}</p><table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>"
        f"<p>{escape(verdict)}</p>"
    )


def _cells(row: Row) -> str:
    name = f"<th>{escape(row.model)}</th>"
    if row.error:
        return f'{name}<td colspan="6">could not be trained: {escape(row.error)}</td>'
    texts = [number(row.score(part)) for part in PARTS]
    texts += [interval(*row.interval) or "–", *(number(row.score(row.judged, name)) for name in ("f1", "log_loss"))]
    return name + "".join(f"<td>{text}</td>" for text in texts)
