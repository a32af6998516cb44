"""Sweeps: many choices of one model's settings, judged on validation clips; the best one judged by the test.

Conventions
-----------
`grid` makes cells of `[sweep]`, `search` lets Optuna choose, `trials` trains and keeps each choice, `driver` leads, and
`results` ranks, prints and draws.
"""

from tonearm.sweep.driver import WINNER, run_sweep
from tonearm.sweep.results import PUBLISHED, PUBLISHED_MEANING, SWEEP_CSV, SWEEP_JSON, Results

__all__ = ["PUBLISHED", "PUBLISHED_MEANING", "SWEEP_CSV", "SWEEP_JSON", "WINNER", "Results", "run_sweep"]
