"""Where a run comes from: whether it was made with the libraries that it is loaded with."""

from typing import TYPE_CHECKING

from tonearm.models import MODELS
from tonearm.runtime.versions import versions

if TYPE_CHECKING:
    from tonearm.experiment.runs import Run

OF_NETWORKS = ("torch", "skorch")


def other_versions(run: "Run") -> tuple[str, ...]:
    """A sentence on the libraries of which the run was made with other versions than there are here; () for none."""
    made, here = run.facts.versions, versions()
    model = MODELS.get(str(run.facts.model.settings.get("type")))
    unused = ("tonearm", "python", *(() if model is not None and model.extra == "deep" else OF_NETWORKS))
    other = [
        f"{name} {made[name]}, here {here[name]}"
        for name in made
        if name in here and name not in unused and _public(made[name]) != _public(here[name])
    ]
    if not other:
        return ()
    return (f"the run was made with other versions ({'; '.join(other)}), so its answers may differ a little",)


def _public(version: str) -> str:
    """A version without what names a build of it, such as +cpu."""
    return version.partition("+")[0]
