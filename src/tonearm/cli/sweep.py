"""`tonearm sweep`."""

from pathlib import Path

from tonearm.cli.app import Cluster, ConfigOrFolder, OutAnywhere, Set, Strict, Workers, app, note, read_experiment
from tonearm.cli.ending import conclude
from tonearm.cli.progress import counting
from tonearm.runtime.remote import staged


@app.command()
def sweep(
    config: ConfigOrFolder,
    set_: Set = None,
    out: OutAnywhere = Path("sweep"),
    workers: Workers = 1,
    cluster: Cluster = "",
    strict: Strict = False,
) -> None:
    """Tune a model by grid or search; test the best once."""
    from tonearm.sweep import run_sweep
    from tonearm.sweep.folder import SweepFolder

    with staged(out) as folder:
        results = run_sweep(read_experiment(config, set_), folder, note, counting, workers)
        print(SweepFolder(folder).sweep_md.read_text(encoding="utf-8"), end="")
    if results.winner is not None:
        winner = out / results.winner.relative_to(folder).as_posix()
        print(f"\nclassify files with: tonearm predict {winner} FILE_OR_FOLDER")
    print(f"look at it with: tonearm report {out}")
    conclude(strict, {"trial": results.failed}, done=results.winner is not None)
