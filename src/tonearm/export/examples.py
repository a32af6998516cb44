"""example.py beside an exported model: how to ask it without tonearm, for each kind of input."""

from tonearm.export.build import Takes

_START = '''"""{what}, by model.onnx alone: python example.py {given}"""
import json
import pathlib
import sys

import numpy
import onnxruntime
{library}
if len(sys.argv) != 2:
    sys.exit(__doc__)
here = pathlib.Path(__file__).parent
card = json.loads((here / "card.json").read_text(encoding="utf-8"))
model = onnxruntime.InferenceSession(here / "model.onnx")
'''
_TELL = """for probability, label in sorted(zip(probabilities, card["labels"]), reverse=True)[:3]:
    print(f"{label} {probability:.4f}")
if card["threshold"] is not None and probabilities.max() < card["threshold"]:
    print("unsure")
"""
_SAMPLES = """sound, rate = soundfile.read(sys.argv[1], dtype="float32", always_2d=True)
if rate != card["input"]["rate"]:
    sys.exit(f"{rate} Hz; convert it first: ffmpeg -i {sys.argv[1]} -ar {card['input']['rate']} converted.wav")
[probabilities] = model.run(["probabilities"], {"samples": sound.mean(axis=1)})
"""
_PIXELS = """height, width, _ = card["input"]["shape"]
picture = PIL.Image.open(sys.argv[1]).convert("RGB")
if picture.size != (width, height):
    picture = picture.resize((width, height), PIL.Image.Resampling.BILINEAR)
[probabilities] = model.run(["probabilities"], {"pixels": numpy.array(picture)})
"""
_COLUMNS = """if not sys.argv[1].lower().endswith(".csv"):
    sys.exit(f"{sys.argv[1]}: the model reads {card['input']['meaning']}")
with open(sys.argv[1], encoding="utf-8", newline="") as file:
    rows = list(csv.DictReader(file))
table = numpy.array([[float(row[name]) for name in card["input"]["columns"]] for row in rows])
[probabilities] = model.run(["probabilities"], {"columns": table})
for row, spread in zip(rows, probabilities):
    unsure = card["threshold"] is not None and spread.max() < card["threshold"]
    print(next(iter(row.values())), card["labels"][spread.argmax()], f"{spread.max():.4f}", "unsure" if unsure else "")
"""


def example(takes: Takes) -> str:
    """The contents of example.py."""
    if takes == "samples":
        return _START.format(what="The genre of a sound file", given="FILE.wav", library="import soundfile\n") + (
            _SAMPLES + _TELL
        )
    if takes == "pixels":
        return _START.format(what="The genre of a picture", given="FILE.png", library="import PIL.Image\n") + (
            _PIXELS + _TELL
        )
    start = _START.format(what="Genres of the rows of a table", given="TABLE.csv", library="")
    return start.replace("import json\n", "import csv\nimport json\n") + _COLUMNS
