"""
Honest evaluation
=================

A test score is a promise: this is how well the model will do on music that it has not heard. Many published scores of
genre classifiers break that promise, because the music of the test was heard in training after all: another clip of the
same song, another song of the same album, another album of the same band.

This page trains three models on the music that tonearm composes itself, first in the usual way and then honestly, and
takes the difference apart. Every number below was computed when this page was built. The links at the end download
the page as a notebook.
"""

import matplotlib.pyplot as plt
import numpy as np

import tonearm
from tonearm.jam import render_jam

# %%
# The music
# ---------
#
# 300 clips of five seconds, thirty in each of ten genres, played by eighty bands that do not exist. Each band has a
# sound of its own: its instruments, amplifier, room and tape. Since we made the music, we know everything about it,
# including the faults that we put in, as real collections have them: wrong labels, copies of one recording, broken
# files.

print(render_jam("music", seconds=5.0).text())

# %%
# Three models, all on the 57 features of the public GTZAN table:

SETTINGS = {
    "features": {"preset": "gtzan57"},
    "models": {"logistic": {}, "svm": {}, "trees": {}},
}


def show(experiment):
    """How the clips were divided, and the scores of each model."""
    print(experiment.division.sentence)
    print(f"{'':<10}train  valid  test   95 % interval of the test")
    for row in experiment.rows:
        train, valid, test = (row.score(part) for part in ("train", "valid", "test"))
        print(f"{row.model:<10}{train:.3f}  {valid:.3f}  {test:.3f}  {row.interval[0]:.3f} to {row.interval[1]:.3f}")


# %%
# The usual way: shuffle the clips
# --------------------------------
#
# Most notebooks shuffle all clips and put a fifth aside for testing, or do so five times so that every clip is tested
# once (five *folds*). So let us ask for that:

shuffled = {"method": "random", "folds": 5}
try:
    tonearm.train("music", "results/shuffled", workers=2, split=shuffled, **SETTINGS)
except tonearm.SplitError as refusal:
    print(refusal)

# %%
# tonearm refuses. The same recording stands on both sides of the split, in two files with different names, so a model
# could score by remembering it. This is the first kind of **leak**, and the easiest one to find: tonearm compares the
# sound of all clips before it divides them.
#
# We insist, to see what we would have believed:

known = tonearm.train("music", "results/shuffled", workers=2, split={**shuffled, "leaks": "allow"}, **SETTINGS)
show(known)

# %%
# The honest way: new artists
# ---------------------------
#
# Nobody needs a classifier for the songs that it was trained on. The model will meet bands that it has never heard, so
# the test must consist of such bands. The folder's ``metadata.csv`` names the artist of each clip, and then tonearm
# keeps all clips of one artist in the same part without being asked:

new = tonearm.train("music", "results/artists", workers=2, split={"folds": 5}, **SETTINGS)
show(new)

# %%
# The same clips, the same features, the same models. Only the question has changed, from *"which genre is this clip, of
# a band that you know?"* to *"which genre is this clip, of a band that is new to you?"*.

honest = {row.model: row.score("test") for row in new.rows}
believed = {row.model: row.score("test") for row in known.rows}

figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
for model, colour in zip(honest, ("#0072b2", "#d55e00", "#009e73"), strict=True):
    axes.plot([0, 1], [believed[model], honest[model]], "o-", color=colour, label=model, linewidth=2)
for x, scores in enumerate((believed, honest)):
    height = 0.0
    for score in sorted(scores.values()):
        height = max(score, height + 0.05)  # numbers that would overlap stand one above the other
        axes.annotate(f"{score:.2f}", (x + (-0.03, 0.03)[x], height), ha=("right", "left")[x], va="center")
axes.axhline(0.1, color="grey", linestyle=":")
axes.annotate("guessing", (0.5, 0.1), (0, 4), textcoords="offset points", ha="center", color="grey")
axes.set(xlim=(-0.3, 1.3), ylim=(0, 1), xticks=[0, 1], xticklabels=["known artists", "new artists"])
axes.set(ylabel="test accuracy", title="What the random split makes you believe")
axes.legend(loc="lower left")

for model in honest:
    gap = 100 * (believed[model] - honest[model])
    print(f"{model:<9} {believed[model]:.3f} → {honest[model]:.3f}: {gap:.0f} points")

# sphinx_gallery_start_ignore
assert all(believed[model] - honest[model] > 0.1 for model in honest), "the page says that the gap is large"
# sphinx_gallery_end_ignore

# %%
# The size of the gap depends on the features: with the 945 columns that tonearm computes by default it is smaller, on
# this music still more than ten points. It is never zero for free.
#
# What is the difference made of?
# -------------------------------
#
# In the shuffled split nearly every band of the test was heard in training. To see what that does, take each clip's
# nearest neighbour among the others, by the same 57 features, and ask whether it is of the same band:

table = tonearm.extract_table("music", "features", preset="gtzan57", workers=2)
X = (table.X - table.X.mean(axis=0)) / table.X.std(axis=0)
distances = np.linalg.norm(X[:, None] - X[None], axis=2)
np.fill_diagonal(distances, np.inf)

same_genre = table.labels[:, None] == table.labels[None]
same_band = table.groups[:, None] == table.groups[None]
np.fill_diagonal(same_band, False)
nearest = distances.argmin(axis=1)
hits = same_band[np.arange(len(X)), nearest].mean()
chance = same_band.sum(axis=1).mean() / (len(X) - 1)
print(f"the nearest clip is of the same band: {hits:.0%} (by chance {chance:.1%})")

others = np.where(same_band, np.inf, distances).argmin(axis=1)
right = same_genre[np.arange(len(X)), nearest].mean(), same_genre[np.arange(len(X)), others].mean()
print(f"it is of the same genre: {right[0]:.0%}; the nearest clip of any other band: {right[1]:.0%}")

# sphinx_gallery_start_ignore
assert hits > 10 * chance, "the page says that bands are what is recognised"
assert right[0] > right[1] + 0.1
# sphinx_gallery_end_ignore

# %%
# The features recognise the *band*, and the band gives the genre away. Take the band's other clips away, and much of
# the skill is gone. This has a name in the literature, the artist effect, and GTZAN, the field's reference set, is
# full of it: see :doc:`the numbers on GTZAN </gtzan>`.
#
# How sure is a score?
# --------------------
#
# A score of some hundred clips is an estimate. The interval beside it says which values of the true accuracy the clips
# do not contradict (95 %). It matters how it is computed: five clips of one band are not five independent pieces of
# evidence. So tonearm resamples whole bands. Here are both ways, for the same answers:

answers = new.predictions()
answers = answers[answers["model"] == "svm"]
given = (answers["filename"], answers["truth"])
by_clips = tonearm.judge(*given, None, {"svm": answers["prediction"]}).scores["svm"].intervals["accuracy"]
by_bands = tonearm.judge(*given, answers["group"], {"svm": answers["prediction"]}).scores["svm"].intervals["accuracy"]
print(f"as if clips were independent: {by_clips.low:.3f} to {by_clips.high:.3f}")
print(f"by bands, as tonearm does it: {by_bands.low:.3f} to {by_bands.high:.3f}")

# sphinx_gallery_start_ignore
assert by_bands.high - by_bands.low > by_clips.high - by_clips.low, "the page says that it is wider"
# sphinx_gallery_end_ignore

# %%
# The second interval is the wider one, and the one to report. If no groups are known, each clip counts as its own, and
# the interval is too narrow to an extent that nobody knows.
#
# Which model is the best?
# ------------------------
#
# One of the three is ahead. Is it better, or was it lucky? The **verdict** under the leaderboard answers that:

print(new.compare().sentence())

# %%
# It stands on a paired test: two models answered the same clips, so what counts are the clips where they differ. Where
# two models are equally good, a band's difference might as well have come out the other way round, so the test flips
# the sign of whole bands, many times, and looks how often chance does as well as what was seen.
#
# There is a trap. Whoever looks for the best model first and tests it afterwards has compared *all pairs* in his
# head, and among many pairs some differ by chance. So all pairs are tested at once, and each flip is judged by its
# largest difference over all pairs (the max-T method of Westfall and Young). In a simulation of twenty equally good
# models, tests of the best against each other one called somebody worse in 24 to 39 % of the cases; this one does so
# in 5 %, as it should (``benchmarks/verdicts.py``). All pairs:

print(new.compare().text(every=True))

# %%
# "Not distinguishable" does not mean equal. It means that these clips cannot tell, and that choosing the quicker or the
# simpler of the two costs nothing that anybody could show.
#
# One split is a lottery
# ----------------------
#
# A single test part of a fifth of the bands holds some sixty clips. Which ones is decided by a random seed. So the same
# model, honestly tested eight times with nothing but another seed:

one_model = {**SETTINGS, "models": {"logistic": {}}}
scores = []
for seed in range(8):
    once = tonearm.train("music", "results/lottery", workers=2, split={"seed": seed}, **one_model)
    scores.append(once.rows[0].score("test"))
print("test accuracy by seed:", ", ".join(f"{score:.2f}" for score in scores))
print(f"from {min(scores):.2f} to {max(scores):.2f}, by luck alone")

# sphinx_gallery_start_ignore
assert max(scores) - min(scores) > 0.08, "the page says that the seed matters"
# sphinx_gallery_end_ignore

# %%
# Anybody who may choose the seed may choose the score. **Folds** take the choice away: every clip is tested once, by a
# model that has not heard its band. What remains is how the bands fell into folds; **repeated folds** average over
# that:

repeated = tonearm.train("music", "results/repeated", workers=2, split={"folds": 5, "repeats": 3}, **one_model)
row = repeated.rows[0]
print(f"5 folds, 3 times: {row.score('test'):.3f} ({row.interval[0]:.3f} to {row.interval[1]:.3f})")

# %%
# Repeats do not make new music: the interval still comes from eighty bands, and only more bands make it narrower.
#
# Validation chooses, the test judges
# -----------------------------------
#
# There is one more way to fool oneself, with no leak at all: to try many things and report the best. Here are two
# hundred models that know nothing. Each guesses the genre of sixty clips:

rng = np.random.default_rng(0)
truth, fresh = rng.integers(0, 10, size=(2, 60))
guesses, later = rng.integers(0, 10, size=(2, 200, 60))
on_test = (guesses == truth).mean(axis=1)
best = on_test.argmax()
print(f"the best of 200, on the test that chose it: {on_test[best]:.2f}")
print(f"the same model on new clips: {(later[best] == fresh).mean():.2f}")

# sphinx_gallery_start_ignore
assert on_test[best] > 0.15 > (later[best] == fresh).mean(), "the page says that selection flatters"
# sphinx_gallery_end_ignore

# %%
# The first number is pure selection. So a test must not choose anything: no model, no setting, no moment to stop
# training. tonearm divides the clips into *three* parts. Models learn from the training clips. The **validation** clips
# choose: they stop training, calibrate probabilities and order the leaderboard. The **test** clips judge, once. That is
# why the first row of a leaderboard is not always the one with the highest test accuracy.
#
# When you tune settings, the same holds: :doc:`nested cross-validation </tuning>` chooses the settings anew on each
# fold and tests what the choosing is worth.
#
# Leaks, and the alarms for them
# ------------------------------
#
# Some mistakes happen before tonearm sees the data, and show only in the numbers. It looks for these, and stops unless
# ``split.leaks = "allow"``:
#
# - **Copies**: one recording in several files, found by its sound, also if it is re-encoded, louder or an excerpt. A
#   split by groups keeps copies together; any other split that tears them apart is refused, as above.
# - **Slices**: songs that were cut into pieces before. If the nearest training clip alone is right for nine clips in
#   ten, and the models are not, then slices of one song stand on both sides.
# - **Scaled tables**: a table of features that was standardised over all rows has seen the test rows.
# - **Numbered rows**: a column that counts the rows, which are sorted by genre.
# - **Listed splits that share artists**: published lists of clips for training and testing are followed as they are,
#   and artists in two of their parts are named. The fault-filtered lists of GTZAN share two.
# - **File names** whose numbers give the label away are a warning: no model here reads names, but people do.
#
# And one that no split can catch: a **pretrained network** may have heard your test clips when it was made. The
# leaderboard says what each was trained on.
#
# What to report
# --------------
#
# 1. What was new in the test: songs, albums, or artists.
# 2. How many clips and how many artists it had.
# 3. The score with its interval, over folds rather than one split.
# 4. The verdict, not only the order.
# 5. Who chose the settings, and that it was not the test.
#
# A leaderboard of ``tonearm run`` has all five. To go on: :doc:`your own music </own-music>`, or
# :doc:`what else a result can tell </honest-more>`.
