"""What a run says of a file, as JSON: one schema for every way to get it."""

import json

import jsonschema
import pytest

from tonearm.answers import ANSWER, SCHEMA, Prediction
from tonearm.experiment.named_neighbours import Neighbour
from tonearm.unsure import NONE

NEAR = (Neighbour("rock/1.wav", "rock", "Ann", 0.5, 1.25), Neighbour("rock/2.wav", "rock", "", 0.7, float("nan")))
SPREAD = {"jazz": 0.4, "rock": 0.6}
EVERY_KIND = [
    Prediction("a.wav", "rock", 0.6, SPREAD),
    Prediction("a.wav", "rock", 0.6, SPREAD, sure=True, excerpts=True),
    Prediction("a.wav", NONE, 0.6, SPREAD, sure=False, best="rock"),
    Prediction("a.wav", "rock", 0.6, SPREAD, sure=False, neighbours=NEAR),
    Prediction("a.wav", "", 0.0, {}, error="cannot be decoded"),
]


@pytest.mark.parametrize("prediction", EVERY_KIND)
def test_every_answer_is_as_the_schema_says_and_is_read_back_as_it_was(prediction: Prediction) -> None:
    written = json.dumps(prediction.to_json(), allow_nan=False)
    jsonschema.validate(json.loads(written), SCHEMA, jsonschema.Draft202012Validator)
    record = ANSWER.validate_json(written)
    given = json.loads(written)
    assert {name: value for name, value in record.model_dump(mode="json").items() if name in given} == given


@pytest.mark.parametrize(
    "damage",
    [{"version": 2}, {"file": None}, {"label": None}, {"probability": 1.5}, {"sure": 3}, {"probabilities": {"a": -1}}],
)
def test_the_schema_refuses_what_is_no_answer(damage: dict[str, object]) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    good = EVERY_KIND[0].to_json()
    for value in ({**good, **damage}, {name: value for name, value in good.items() if name not in damage}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(value, SCHEMA)
