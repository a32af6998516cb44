"""Whether sure answers keep their promise, in simulated experiments, of which the truth is known.

    python benchmarks/promises.py [--simulations 400] [--promises 0.8 0.9 0.95]

Artists of one to 25 clips; whether an answer is right depends on what the model sees (its confidence), and on what it
does not see and all clips of an artist share ("hidden": its standard deviation in logits). kept: experiments in which
the true share right above the threshold reaches the promise (one without a sure answer keeps it); at least 0.95.
sure: share of answers that are called sure. possible: the share that an omniscient rule would call sure.
"""

import argparse
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from tonearm.evaluation.coverage import covered
from tonearm.evaluation.sureness import sure_threshold

Numbers = NDArray[np.float64]
Rows = NDArray[np.intp]


def world(
    generator: np.random.Generator, artists: int, level: float, own: float
) -> tuple[Numbers, NDArray[np.bool_], Rows]:
    """Confidence, rightness and artist of simulated answers; as in tests/test_sureness.py."""
    artist = np.repeat(np.arange(artists), generator.geometric(0.3, artists).clip(1, 25))
    easy = level + generator.normal(0, 1.5, artists)[artist] + generator.normal(0, 1, len(artist))
    hidden = own * generator.normal(0, 1, artists)[artist]
    return expit(easy), generator.random(len(artist)) < expit(easy + hidden), artist


def simulate(promises: Sequence[float], simulations: int) -> None:
    """Print the table."""
    print(f"{simulations} simulated experiments each; possible: the share that an omniscient rule would call sure")
    print(f"{'accuracy':>8}  {'hidden':>6}  {'artists':>7}  {'promise':>7}  {'kept':>6}  {'sure':>6}  {'possible':>8}")
    for level, own in ((2.0, 1.0), (1.0, 1.5), (1.0, 3.0)):
        confidence, right, _ = world(np.random.default_rng(99), 100_000, level, own)
        for promise in promises:
            possible = covered(confidence, right, promise)
            for artists in (40, 80, 150, 500):
                kept, sure = 0, 0.0
                for seed in range(simulations):
                    one, hits, artist = world(np.random.default_rng(seed), artists, level, own)
                    threshold = sure_threshold(one, hits, artist.astype(str).astype(object), promise).threshold
                    is_sure = confidence >= threshold
                    kept += not is_sure.any() or right[is_sure].mean() >= promise
                    sure += is_sure.mean()
                print(
                    f"{right.mean():8.2f}  {own:6.1f}  {artists:7}  {promise:7}  {kept / simulations:6.3f}  "
                    f"{sure / simulations:6.3f}  {possible:8.3f}",
                    flush=True,
                )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--promises", type=float, nargs="+", default=[0.8, 0.9, 0.95])
    parser.add_argument("--simulations", type=int, default=400)
    args = parser.parse_args()
    simulate(args.promises, args.simulations)


if __name__ == "__main__":
    main()
