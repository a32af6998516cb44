"""`tonearm curve`."""

from pathlib import Path

from tonearm.cli.app import Cluster, ConfigOrFolder, OutAnywhere, Set, Strict, Workers, app, note, read_experiment
from tonearm.cli.ending import conclude
from tonearm.cli.progress import counting
from tonearm.runtime.remote import staged


@app.command()
def curve(
    config: ConfigOrFolder,
    set_: Set = None,
    out: OutAnywhere = Path("experiment"),
    workers: Workers = 1,
    cluster: Cluster = "",
    strict: Strict = False,
) -> None:
    """Measure what more artists, or more clips, would bring."""
    from tonearm.curve import run_curve
    from tonearm.curve.folder import CurveFolder

    with staged(out) as results:
        folder = CurveFolder(results)
        found = run_curve(read_experiment(config, set_), results, note, counting, workers)
        print(folder.curve_md.read_text(encoding="utf-8"), end="")
        trained = folder.experiment.manifest_json.is_file()
    first = "" if trained else f"tonearm run {config} --out {out}, and then "
    print(f"\nlook at it with: {first}tonearm report {out}")
    conclude(strict, {"training": found.failed}, done=found.failed < len(found.rows))
