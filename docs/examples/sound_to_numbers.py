"""
From sound to numbers
=====================

What a model sees of a clip: some columns of numbers, or a picture.
"""

import matplotlib.pyplot as plt
import numpy as np

import tonearm
from tonearm.jam import render_jam
from tonearm.representations.spectrogram import draw_pictures
from tonearm.settings import SpectrogramSettings

render_jam("music", seconds=5.0)

# %%
# A file becomes samples, mono and at one sampling rate, whatever it was:

SR = 22_050
clips = {
    genre: tonearm.load_audio(f"music/{genre}/{genre}.00001.wav", sr=SR) for genre in ("classical", "disco", "metal")
}
print({genre: samples.shape for genre, samples in clips.items()})

# %%
# Samples become features. Each column is a statistic of a family over time; see :doc:`all families
# </reference/features>`.

features = {genre: tonearm.extract_features(samples, SR, preset="gtzan57") for genre, samples in clips.items()}
for column in ("tempo", "rms_mean", "spectral_centroid_mean", "zero_crossing_rate_mean"):
    print(f"{column:<24}", *(f"{genre} {values[column]:9.3f}  " for genre, values in features.items()))

# %%
# Or samples become a picture, time from left to right, frequency from below to above:

settings = SpectrogramSettings(kinds=("mel",))
figure, panels = plt.subplots(1, 3, figsize=(9, 3.2), layout="constrained")
for axes, (genre, samples) in zip(panels, clips.items(), strict=True):
    axes.imshow(np.asarray(draw_pictures(samples, SR, settings)["mel"]))
    axes.set(title=genre, xticks=[], yticks=[], xlabel="time", ylabel="frequency (mel)")
plt.show()
