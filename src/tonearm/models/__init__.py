"""All models, one line each: name in a config → settings, builder, kind of input, required extra.

Conventions
-----------
The keys are the `type` literals of the settings classes. `models.base` says what a model's file contains.
"""

from tonearm.models import boosting, cnn, cnn_mel, logistic, mlp, resnet, svm, trees
from tonearm.models.base import Model, ModelSettings, Outlook, Size

__all__ = ["MODELS", "Model", "ModelSettings", "Outlook", "Size", "reads"]

MODELS: dict[str, Model] = {
    "logistic": Model(logistic.LogisticSettings, logistic.build, outlook=logistic.outlook),
    "mlp": Model(mlp.MLPSettings, mlp.build, extra="deep"),
    "svm": Model(svm.SVMSettings, svm.build, trusted=svm.TRUSTED, steps="machines", outlook=svm.outlook),
    "trees": Model(
        trees.TreesSettings, trees.build, trusted=trees.TRUSTED, steps="trees", fit=trees.fit, outlook=trees.outlook
    ),
    "boosting": Model(
        boosting.BoostingSettings,
        boosting.build,
        trusted=boosting.TRUSTED,
        steps="iterations",
        outlook=boosting.outlook,
    ),
    "cnn": Model(cnn.CNNSettings, cnn.build, "images", "deep"),
    "cnn-mel": Model(cnn_mel.CNNMelSettings, cnn_mel.build, "images", "deep"),
    "resnet": Model(resnet.ResNetSettings, resnet.build, "images", "deep"),
}


def reads(settings: ModelSettings) -> tuple[str, ...]:
    """Names of the representations that a model with these settings reads."""
    return (settings.reads,) if isinstance(settings.reads, str) else settings.reads
