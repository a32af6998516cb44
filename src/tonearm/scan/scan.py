"""What a folder or table of music holds: counts, durations, broken files, duplicates and mixes.

Conventions
-----------
Every file is read once, whole, or only the excerpts that `[audio]` asks for. Two clips are duplicates when their files
are equal byte for byte ("bytes"), else when the decoded samples are ("samples": the same recording in another lossless
format), else when they are one recording ("recording": re-encoded, louder, shifted, an excerpt; `landmarks`); two rows
of a table when all their numbers are equal ("features"). A group of duplicates whose labels differ comes first:
whatever learns from it is taught a contradiction.
"""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tonearm.data.catalog import Catalog, Clip
from tonearm.data.dataset import Dataset
from tonearm.dsp.audio import resample_blocks
from tonearm.dsp.sound import ClipSound
from tonearm.errors import AudioError, Failure
from tonearm.runtime.memory import return_freed_memory
from tonearm.runtime.pool import run_tasks
from tonearm.runtime.progress import Progress, ignore_progress
from tonearm.scan.findings import Collection, Duplicates, ScanReport
from tonearm.scan.landmarks import SR, Landmarks, compute_landmarks, find_groups, find_matches, landmarks_of_blocks
from tonearm.scan.mixes import find_containers, tying
from tonearm.settings import AudioSettings

CLIPS_A_TASK = 16


class Sound(NamedTuple):
    """What reading one file gave; kind and reason are "" where it is sound."""

    seconds: float
    sr: int
    channels: int
    file_digest: str
    sample_digest: str
    kind: str
    reason: str
    landmarks: Landmarks | None = None

    def to_bytes(self) -> NDArray[np.uint8]:
        """All of it in one array, shape (bytes,)."""
        landmarks = self.landmarks or Landmarks(np.zeros(0, np.uint64), np.zeros(0, np.int32))
        facts = json.dumps([*self[:5], len(landmarks.hashes)]).encode()
        head = len(facts).to_bytes(4, "little") + facts
        return np.frombuffer(head + landmarks.hashes.tobytes() + landmarks.frames.tobytes(), np.uint8)

    @classmethod
    def from_bytes(cls, values: NDArray[np.uint8]) -> "Sound":
        """What `to_bytes` gave."""
        data = values.tobytes()
        start = 4 + int.from_bytes(data[:4], "little")
        seconds, sr, channels, file_digest, sample_digest, count = json.loads(data[4:start])
        hashes = np.frombuffer(data, np.uint64, count, start)
        landmarks = Landmarks(hashes, np.frombuffer(data, np.int32, count, start + hashes.nbytes))
        return cls(seconds, sr, channels, file_digest, sample_digest, "", "", landmarks)


class Recordings(NamedTuple):
    """Groups of clips that are one recording, and files that contain several others."""

    duplicates: tuple[Duplicates, ...]
    collections: tuple[Collection, ...]


def scan_catalog(
    catalog: Catalog, workers: int = 1, progress: Progress | None = None, audio: AudioSettings = AudioSettings()
) -> ScanReport:
    """Read every clip of the catalog and report what the collection holds. audio: whether excerpts are enough."""
    sounds = _read_all(catalog.clips, audio, workers, progress or ignore_progress)
    usable = [sound for sound in sounds if not sound.kind]
    problems = [
        Failure(clip.name, sound.kind, sound.reason)
        for clip, sound in zip(catalog.clips, sounds, strict=True)
        if sound.kind
    ]
    lengths = [sound.seconds for sound in usable]
    recordings = find_duplicates(catalog.clips, sounds)
    return ScanReport(
        root=catalog.root,
        clips=len(catalog),
        **_counted((clip.label, clip.group, clip.split) for clip in catalog.clips),
        seconds=sum(lengths),
        shortest=min(lengths, default=0.0),
        longest=max(lengths, default=0.0),
        rates=dict(sorted(Counter(sound.sr for sound in usable).items())),
        channels=dict(sorted(Counter(sound.channels for sound in usable).items())),
        problems=tuple(problems),
        duplicates=recordings.duplicates,
        ignored=catalog.ignored,
        notes=catalog.notes,
        collections=recordings.collections,
        genres=catalog.genres,
    )


def scan_dataset(dataset: Dataset, root: str, notes: Iterable[str]) -> ScanReport:
    """Say what a feature table holds."""
    rows: defaultdict[bytes, list[int]] = defaultdict(list)
    for index, row in enumerate(dataset.X):
        rows[row.tobytes()].append(index)
    groups = [
        Duplicates("features", tuple(dataset.names[same]), tuple(dataset.labels[same]))
        for same in rows.values()
        if len(same) > 1
    ]
    return ScanReport(
        root=root,
        clips=len(dataset),
        **_counted(zip(dataset.labels, dataset.groups, dataset.splits, strict=True)),
        seconds=0.0,
        shortest=0.0,
        longest=0.0,
        rates={},
        channels={},
        problems=(),
        duplicates=_worst_first(groups),
        ignored={},
        notes=tuple(notes),
    )


def _counted(clips: Iterable[tuple[str, str, str]]) -> dict[str, Any]:
    labels, groups, splits = zip(*clips, strict=True)
    classes = Counter(label for label in labels if label)
    return {
        "classes": dict(sorted(classes.items())),
        "unlabelled": sum(not label for label in labels),
        "groups": len(set(groups) - {""}),
        "splits": dict(sorted(Counter(split for split in splits if split).items())),
    }


def _read_all(clips: tuple[Clip, ...], audio: AudioSettings, workers: int, progress: Progress) -> list[Sound]:
    tasks = [clips[start : start + CLIPS_A_TASK] for start in range(0, len(clips), CLIPS_A_TASK)]
    sounds: list[Sound] = []
    failed = 0
    for part in run_tasks(_read_some, (([clip.path for clip in task], audio) for task in tasks), workers):
        sounds += part
        failed += sum(bool(sound.kind) for sound in part)
        progress(len(sounds), len(clips), failed)
    return sounds


def _read_some(paths: list[str], audio: AudioSettings) -> list[Sound]:
    return [_read_one(path, audio) for path in paths]


def _read_one(path: str, audio: AudioSettings) -> Sound:
    """What reading a file gave, its reason where it cannot be used."""
    with ClipSound(path) as sound:
        try:
            return listen(sound, audio)
        except AudioError as error:
            return Sound(0.0, 0, 0, "", "", error.kind, error.reason)


def listen(sound: ClipSound, audio: AudioSettings) -> Sound:
    """Digests and landmarks of a whole file, a long one in blocks. Raises AudioError where it cannot be used.

    audio: where it asks for excerpts, these are all that is heard.
    """
    settings = heard_of(audio)
    waveform = sound.waveform(settings.part)
    digest = sound.digest()
    samples = hashlib.sha256(f"{waveform.sr}:{waveform.channels}:".encode())
    if waveform.excerpts and not settings.excerpts:
        with sound.stream() as stream:
            landmarks = landmarks_of_blocks(resample_blocks(_hashed(stream.blocks, samples), stream.sr, SR))
        return_freed_memory()
    else:
        samples.update(waveform.samples.tobytes())
        landmarks = compute_landmarks(sound.samples(settings))
    return Sound(waveform.seconds, waveform.sr, waveform.channels, digest, samples.hexdigest(), "", "", landmarks)


def heard_of(audio: AudioSettings) -> AudioSettings:
    """What is heard of a file, whatever else is read of it: its excerpts, or all of it."""
    excerpts = audio.model_dump(include={"excerpts", "excerpt_seconds"}) if audio.excerpts else {}
    return AudioSettings(sr=SR, **excerpts)


def _hashed(blocks: Iterator[NDArray[np.float32]], digest: "hashlib._Hash") -> Iterator[NDArray[np.float32]]:
    for block in blocks:
        digest.update(block.tobytes())
        yield block


def find_duplicates(clips: Sequence[Clip], sounds: Sequence[Sound], labelled: bool = False) -> Recordings:
    """Groups of the same samples, and of one recording where more than the same samples tie its clips together.

    labelled: let only labelled clips tie others together, as a training does.
    """
    same = _duplicate_sounds(clips, sounds)
    recordings = find_recordings(clips, sounds, labelled)
    known = {frozenset(group.names) for group in same}
    others = (group for group in recordings.duplicates if frozenset(group.names) not in known)
    return recordings._replace(duplicates=_worst_first([*same, *others]))


def find_recordings(clips: Sequence[Clip], sounds: Sequence[Sound], labelled: bool = False) -> Recordings:
    """Groups of clips that are one recording, by their landmarks, and the files that contain several others.

    labelled: let only labelled clips tie others together, as a training does.
    """
    heard = [place for place, sound in enumerate(sounds) if sound.landmarks is not None]
    landmarks = [marks for sound in sounds if (marks := sound.landmarks) is not None]
    labels, artists = [clips[place].label for place in heard], [clips[place].group for place in heard]
    matches = find_matches(landmarks)
    containers = find_containers(landmarks, matches, labels, artists)
    matches = tying(matches, containers)
    if labelled:
        matches = [match for match in matches if labels[match.first] and labels[match.second]]
    later = {}
    for match in matches:
        later[match.first, match.second] = match.seconds
        later[match.second, match.first] = -match.seconds
    names = [clips[place].name for place in heard]
    groups = []
    for group in find_groups(matches):
        # a clip that only others tie to the first one has no offset from it of its own
        seconds = tuple(later.get((group[0], member), 0.0) for member in group)
        members = tuple(names[member] for member in group), tuple(labels[member] for member in group)
        groups.append(Duplicates("recording", *members, seconds))
    collections = [
        Collection(
            names[one.clip],
            tuple(names[piece] for piece in one.pieces),
            one.seconds,
            one.is_mix,
            bool(labels[one.clip]),
        )
        for one in containers
    ]
    return Recordings(tuple(groups), tuple(collections))


def _duplicate_sounds(clips: Sequence[Clip], sounds: Sequence[Sound]) -> tuple[Duplicates, ...]:
    """Groups of the same samples; "bytes" where the whole group is one file copied."""
    same: defaultdict[str, list[int]] = defaultdict(list)
    for index, sound in enumerate(sounds):
        if sound.sample_digest:
            same[sound.sample_digest].append(index)
    groups = [
        Duplicates(
            "bytes" if len({sounds[index].file_digest for index in members}) == 1 else "samples",
            tuple(clips[index].name for index in members),
            tuple(clips[index].label for index in members),
        )
        for members in same.values()
        if len(members) > 1
    ]
    return _worst_first(groups)


def _worst_first(groups: list[Duplicates]) -> tuple[Duplicates, ...]:
    return tuple(sorted(groups, key=lambda group: (not group.contradicts, group.names)))
