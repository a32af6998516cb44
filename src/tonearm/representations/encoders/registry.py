"""All encoders by name: those built in, and those in folders of the user's own."""

from tonearm.representations.encoders.card import BuiltIn
from tonearm.representations.encoders.efficientat import EFFICIENTAT
from tonearm.representations.encoders.musicnn import MUSICNN

ENCODERS: dict[str, BuiltIn] = {built_in.encoder.name: built_in for built_in in (*EFFICIENTAT, *MUSICNN)}
ALIASES = {"musicnn": "MSD_musicnn"}
NAMES = (*ENCODERS, *ALIASES)
