"""Sweeps: many choices of one model's settings, judged on validation clips; the best one judged by the test.

Conventions
-----------
`grid` makes cells of `[sweep]`, `search` lets Optuna choose, `trials` trains and keeps each choice, `driver` leads,
`results` ranks, `wording` and `output` write, and `folder` owns the folder.
"""

from tonearm.sweep.driver import run_sweep
from tonearm.sweep.results import PUBLISHED_MEANING, Results

__all__ = ["PUBLISHED_MEANING", "Results", "run_sweep"]
