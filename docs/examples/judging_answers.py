"""
Answers of your own model
=========================

tonearm can judge answers that were made anywhere: by your own code, another library, another language, or people. Here
a nearest-neighbour classifier of scikit-learn, which tonearm does not have, is compared with a logistic regression.
Both learn from tonearm's features, in folds by artist.
"""

from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import tonearm
from tonearm.jam import render_jam

# %%
# The built-in music and its features, as a table with names, labels and groups (artists):

render_jam("music", seconds=5.0)
table = tonearm.extract_table("music", "features", preset="gtzan57", workers=2)
print(f"{len(table)} clips, {len(table.columns)} columns, {len(set(table.groups))} artists")

# %%
# Each clip is predicted by a model that has not seen its artist. The scaler is part of the model, so that it learns
# from the training clips alone:

folds = GroupKFold(n_splits=5)
models = {
    "neighbours": make_pipeline(StandardScaler(), KNeighborsClassifier(n_neighbors=5)),
    "logistic": make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)),
}
answers = {
    name: cross_val_predict(model, table.X, table.labels.astype(str), cv=folds, groups=table.groups)
    for name, model in models.items()
}

# %%
# The judgement: scores with intervals by resampled artists, and which of the two may be the best.

judgement = tonearm.judge(table.names, table.labels, table.groups, answers)
print(judgement)

# %%
# The test of the two in one sentence, with the difference and its interval:

print(judgement.compare("neighbours", "logistic").sentence())

# %%
# On the command line, ``tonearm compare RUN answers.csv`` sets a CSV file of answers beside a run.
