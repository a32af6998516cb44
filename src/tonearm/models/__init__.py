"""All models, one line each: name in a config → settings, builder, what it reads, which extra it needs.

Conventions
-----------
The keys are the `type` literals of the settings classes. See `models.base` for what a model's file holds.
"""

from tonearm.models import boosting, cnn, cnn_mel, logistic, mlp, resnet, svm, trees
from tonearm.models.base import Model, ModelSettings

__all__ = ["MODELS", "Model", "ModelSettings", "reads"]

MODELS: dict[str, Model] = {
    "logistic": Model(logistic.LogisticSettings, logistic.build),
    "mlp": Model(mlp.MLPSettings, mlp.build, extra="deep"),
    "svm": Model(svm.SVMSettings, svm.build, revision=2),  # 1 had the votes of pairs of classes as its margins
    "trees": Model(trees.TreesSettings, trees.build),
    "boosting": Model(boosting.BoostingSettings, boosting.build),
    "cnn": Model(cnn.CNNSettings, cnn.build, "pictures", "deep"),
    "cnn-mel": Model(cnn_mel.CNNMelSettings, cnn_mel.build, "pictures", "deep"),
    "resnet": Model(resnet.ResNetSettings, resnet.build, "pictures", "deep"),
}


def reads(settings: ModelSettings) -> str:
    """What a model with these settings reads: "features", or its kind of picture."""
    needs = MODELS[settings.type].needs
    return needs if needs == "features" else str(settings.model_dump()["picture"])
