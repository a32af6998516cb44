"""Genre over time: a recording's windows, what a model says of them, and the segments that they make.

| module | what it does |
|---|---|
| `listening` | a recording, as a stream, to what a model says of each window |
| `smoothing` | windows to segments, by a short Viterbi |
| `envelope`, `drawing` | the waveform's outline, and the strip |
| `records`, `files` | what is written: JSON, tables, labels, cue sheets |
| `driver` | all recordings that are named, to a folder |
"""

from tonearm.timeline.listening import windows
from tonearm.timeline.smoothing import STICKINESS, Segment, Window, segments

__all__ = ["STICKINESS", "Segment", "Window", "segments", "windows"]
