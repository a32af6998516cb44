"""The built-in data set: ten genres composed, played and recorded on the spot, with known truth.

Conventions
-----------
Names and folders are GTZAN's: `<genre>/<genre>.000NN.<format>`, mono, 22,050 Hz, 16 bits. The same seed
gives the same samples, whatever the number of processes. `metadata.csv` says what a collector would know,
`truth.csv` what only the maker knows.

| module | what it decides |
|---|---|
| `theory` | scales, chords, voicings |
| `bands` | the sound that an artist's recordings share |
| `song`, `playing` | notes in beats; what players of every genre do |
| `genres` | what makes a blues a blues |
| `synth`, `sound` | MIDI and sound font; amplifier, room, tape, loudness |
| `record`, `faults` | one recording; what is wrong on purpose |
| `collection` | all files and tables |
"""

from tonearm.jam.collection import FORMATS, Format, JamSummary, render_jam
from tonearm.jam.genres import GENRES

__all__ = ["FORMATS", "GENRES", "Format", "JamSummary", "render_jam"]
