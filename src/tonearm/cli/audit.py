"""`tonearm audit`."""

from pathlib import Path
from typing import Annotated

import typer

from tonearm.cli.app import Out, Set, Trust, Workers, app, note
from tonearm.cli.progress import counting
from tonearm.remote_none import place
