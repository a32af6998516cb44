"""Encoders that others' packages compute: modules with the interface of HEAR, and Hugging Face's transformers."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import signals
import tonearm
from tonearm.config import parse_config
from tonearm.errors import RepresentationError, WeightsError
from tonearm.representations.encoders import hear, hugging_face
from tonearm.representations.encoders.representation import Embeddings
from tonearm.representations.registry import restore

MODULE = """
import torch

class Model(torch.nn.Module):
    sample_rate, scene_embedding_size, timestamp_embedding_size = 8000, 3, 2

    def __init__(self):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.tensor([1.0, 2.0, 3.0]))

def load_model(path=""):
    return Model()

def get_scene_embeddings(audio, model):
    return audio.std(1)[:, None] * model.scale

def get_timestamp_embeddings(audio, model):
    halves = audio.reshape(len(audio), 2, -1)
    return torch.stack([halves.mean(2), halves.std(2)], 2), torch.tensor([[0.0, 5000.0]])
"""


def of(name: str) -> Embeddings:
    config = parse_config({"models": {"logistic": {"reads": name}}})
    return Embeddings.of(name, config.audio, config.encoders)


def module(name: str, text: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (folder / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(str(folder))
    hear._loaded.cache_clear()
    return f"hear:{name}"


def test_a_module_of_hear_gives_scenes_and_the_mean_of_timestamps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = module("tonearm_hear_one", MODULE, tmp_path, monkeypatch)
    samples = signals.noise(20.0, 0.1, 0, 8_000)
    spread = np.mean([samples[:80_000].std(ddof=1), samples[80_000:].std(ddof=1)])
    assert tonearm.embed(samples, 8_000, name) == pytest.approx(spread * np.array([1.0, 2.0, 3.0]), rel=1e-5)
    found = tonearm.embed(samples, 8_000, f"{name}:timestamps")
    assert found == pytest.approx([samples.mean(), samples.reshape(4, -1).std(1, ddof=1).mean()], rel=1e-4, abs=1e-7)


def test_a_run_folder_runs_no_module_that_its_user_has_not_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = tmp_path / "was-here"
    text = f"import pathlib\npathlib.Path({str(mark)!r}).touch()\n{MODULE}"
    name = module("tonearm_hear_two", text, tmp_path, monkeypatch)
    facts = of(name).facts()
    mark.unlink()
    sys.modules.pop("tonearm_hear_two")
    hear._loaded.cache_clear()
    with pytest.raises(WeightsError, match="TONEARM_HEAR=tonearm_hear_two"):
        restore(facts)
    assert not mark.exists()
    monkeypatch.setenv("TONEARM_HEAR", "another,tonearm_hear_two")
    assert restore(facts) == of(name)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "the module has no load_model"),
        ("1 / 0", r"cannot be loaded \(ZeroDivisionError"),
        (MODULE.replace("* model.scale", "* 1"), r"scene of one window has the shape \(1, 1\), not \(1, 3\)"),
    ],
)
def test_a_module_that_is_not_one_of_hear_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, says: str
) -> None:
    name = module(f"tonearm_hear_{abs(hash(text))}", text, tmp_path, monkeypatch)
    with pytest.raises(RepresentationError, match=says):
        of(name).open()
    with pytest.raises(RepresentationError, match="No module named 'tonearm_none'"):
        of("hear:tonearm_none")


needs_transformers = pytest.mark.skipif(
    importlib.util.find_spec("transformers") is None, reason="needs the extra transformers"
)


def tiny_model(kind: str, folder: Path) -> Path:
    """A model of random weights with its feature extractor, as `save_pretrained` writes them."""
    import transformers as t

    torch.manual_seed(0)
    small: dict[str, Any] = {
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 16,
    }
    if kind == "ast":
        model = t.ASTModel(t.ASTConfig(**small, max_length=64, num_mel_bins=32))
        extractor = t.ASTFeatureExtractor(max_length=64, num_mel_bins=32)
    elif kind == "hubert":
        conv = {"conv_dim": [8, 8], "conv_kernel": [10, 8], "conv_stride": [5, 64], "num_feat_extract_layers": 2}
        positions = {"num_conv_pos_embeddings": 8, "num_conv_pos_embedding_groups": 2}
        model = t.HubertModel(t.HubertConfig(**small, **conv, **positions))
        extractor = t.Wav2Vec2FeatureExtractor()
    else:
        sizes = {"d_model": 16, "encoder_layers": 2, "decoder_layers": 1, "encoder_ffn_dim": 16, "decoder_ffn_dim": 16}
        heads = {"encoder_attention_heads": 2, "decoder_attention_heads": 2, "max_source_positions": 100}
        words = {"vocab_size": 20, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 1}
        model = t.WhisperModel(t.WhisperConfig(**sizes, **heads, **words))
        extractor = t.WhisperFeatureExtractor(chunk_length=2)
    model.save_pretrained(folder)
    extractor.save_pretrained(folder)
    return folder


@needs_transformers
@pytest.mark.parametrize("kind", ["ast", "hubert", "whisper"])
def test_a_model_of_transformers_gives_the_mean_of_any_hidden_layer(kind: str, tmp_path: Path) -> None:
    import transformers as t

    folder = tiny_model(kind, tmp_path / "model")
    seconds = 2 if kind == "whisper" else 10
    samples = signals.noise(float(seconds), 0.1, 0, 16_000)
    extractor = t.AutoFeatureExtractor.from_pretrained(folder)
    model = t.AutoModel.from_pretrained(folder).eval()
    model = model.get_encoder() if kind == "whisper" else model
    with torch.no_grad():
        found = model(**extractor(samples, sampling_rate=16_000, return_tensors="pt"), output_hidden_states=True)
    for layer, state in (("last", found.last_hidden_state), ("hidden_1", found.hidden_states[1])):
        row = tonearm.embed(samples, 16_000, f"transformers:{folder}:{layer}")
        assert row == pytest.approx(state[0].mean(0).numpy(), rel=1e-5, abs=1e-6)
    facts = of(f"transformers:{folder}").facts()
    with torch.no_grad():
        next(model.parameters()).add_(1)
    assert restore(facts) == of(f"transformers:{folder}")


@needs_transformers
def test_models_that_are_not_here_or_bring_code_or_pickles_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="hf download nobody/nothing"):
        of("transformers:nobody/nothing")
    folder = tiny_model("hubert", tmp_path / "model")
    weights = folder / "model.safetensors"
    from safetensors.torch import load_file

    torch.save(load_file(weights), folder / "pytorch_model.bin")
    weights.unlink()
    with pytest.raises(WeightsError, match="has no safetensors"):
        of(f"transformers:{folder}")
    assert hugging_face.OLDEST >= (5, 5)
