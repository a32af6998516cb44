"""What HTTP costs beside a call in Python, how many requests a second it answers, how soon a fresh process answers.

    python benchmarks/serving.py [--requests 300] [--clients 8] [--workers 2] [--rounds 5]

A run on 57 features is trained on built-in music (extra `demo`) and served by `tonearm serve`; every answer is compared
with that of `tonearm.load(RUN).predict`, bit for bit.

Latency: `predict` in this process and a request to a server with one worker take turns on the same file, so that both
see the machine in the same state; printed are median, 99th percentile, and the difference of the medians. Throughput:
so many clients at once, each with a connection of its own, against a server with so many workers; beside it, one call
after the other in this process. Start: a fresh `tonearm predict RUN FILE` and a fresh plain script that does the same
with librosa and scikit-learn take turns, after a first run of each that fills the caches: seconds from start to exit,
and the most memory.
"""

import argparse
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PLAIN = """
import sys
import joblib
import librosa
import numpy as np

y, sr = librosa.load(sys.argv[2], sr=22050)
S = np.abs(librosa.stft(y))
harmonic, percussive = librosa.effects.hpss(y)
series = [
    librosa.feature.chroma_stft(S=S**2, sr=sr),
    librosa.feature.rms(S=S),
    librosa.feature.spectral_centroid(S=S, sr=sr),
    librosa.feature.spectral_bandwidth(S=S, sr=sr),
    librosa.feature.spectral_rolloff(S=S, sr=sr),
    librosa.feature.zero_crossing_rate(y),
    harmonic,
    percussive,
]
row = [number for one in series for number in (one.mean(), one.var())]
row.append(float(np.atleast_1d(librosa.feature.tempo(y=y, sr=sr))[0]))
mfcc = librosa.feature.mfcc(y=y, sr=sr, n_mfcc=20)
row += [number for one in mfcc for number in (one.mean(), one.var())]
model = joblib.load(sys.argv[1])
print(model.classes_[model.predict_proba([row]).argmax()])
"""

# a process of its own, since what starts a process is counted into its memory
LAUNCHER = """
import os, sys, time
start = time.perf_counter()
nowhere = os.open(os.devnull, os.O_WRONLY)
silent = [(os.POSIX_SPAWN_DUP2, nowhere, 1), (os.POSIX_SPAWN_DUP2, nowhere, 2)]
process = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=silent)
_, status, usage = os.wait4(process, 0)
print(time.perf_counter() - start, usage.ru_maxrss)
sys.exit(status != 0)
"""


def make_run(folder: Path) -> tuple[Path, Path, list[Path]]:
    """A run of ours, a pipeline of scikit-learn on the same table, and files to ask about."""
    import joblib
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    import tonearm
    from tonearm.jam import render_jam

    render_jam(folder / "music", clips_per_genre=8, seconds=10.0, clean=True, workers=2)
    tonearm.train(folder / "music", folder / "out", models={"logistic": {}}, features={"preset": "gtzan57"})
    table = tonearm.extract_table(folder / "music", folder / "table", "gtzan57")
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)).fit(table.X, table.labels)
    joblib.dump(pipeline, folder / "pipeline.joblib")
    return folder / "out", folder / "pipeline.joblib", sorted((folder / "music").rglob("*.wav"))


@contextmanager
def served(run: Path, workers: int, clients: int) -> Iterator[str]:
    """Host and port of a server."""
    command = [sys.executable, "-m", "tonearm", "serve", str(run), "--port", "0", "--workers", str(workers)]
    with subprocess.Popen(
        [*command, "--queue", str(clients)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as server:
        assert server.stdout is not None
        yield server.stdout.readline().decode().split("/")[2]
        server.terminate()


class Client:
    """A connection that stays open, as programs keep one."""

    def __init__(self, address: str) -> None:
        self.connection = http.client.HTTPConnection(address, timeout=60)

    def ask(self, name: str, data: bytes) -> dict[str, Any]:
        """The answer for a file that is sent as the body."""
        self.connection.request("POST", f"/predict?name={name}", data, {"content-type": "audio/wav"})
        [answer] = json.load(self.connection.getresponse())
        assert isinstance(answer, dict)
        return answer


def latency(run: Path, files: Sequence[Path], requests: int) -> None:
    import tonearm

    model = tonearm.load(run)
    calls, answers = [], []
    with served(run, 1, 1) as address:
        client = Client(address)
        for number in range(-10, requests):  # the first ones fill caches
            path = files[number % len(files)]
            start = time.perf_counter()
            right = model.predict(path, name=path.name)
            between = time.perf_counter()
            found = client.ask(path.name, path.read_bytes())
            end = time.perf_counter()
            assert {**found, "file": ""} == {**right.to_json(), "file": ""}, "other bits"
            if number >= 0:
                calls.append(between - start)
                answers.append(end - between)
    print(f"one after the other, {requests} files of 10 s, each asked in both ways:")
    for what, seconds in (("model.predict", calls), ("POST /predict", answers)):
        print(f"  {what:<14} median {1e3 * statistics.median(seconds):7.2f} ms, 99th {1e3 * high(seconds):7.2f} ms")
    overhead = statistics.median(answers) - statistics.median(calls)
    print(f"  a request costs {1e3 * overhead:.2f} ms more than the call ({overhead / statistics.median(calls):.1%})")


def high(values: Sequence[float]) -> float:
    """The 99th percentile."""
    return sorted(values)[min(len(values) - 1, round(0.99 * len(values)))]


def throughput(run: Path, files: Sequence[Path], requests: int, clients: int, workers: int) -> None:
    import tonearm

    model = tonearm.load(run)
    model.predict(files[0])
    start = time.perf_counter()
    for number in range(requests):
        model.predict(files[number % len(files)])
    alone = requests / (time.perf_counter() - start)
    contents = [(path.name, path.read_bytes()) for path in files]
    numbers = iter(range(requests))
    lock, seconds = threading.Lock(), list[float]()

    def work(address: str) -> None:
        client = Client(address)
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            began = time.perf_counter()
            answer = client.ask(*contents[number % len(contents)])
            seconds.append(time.perf_counter() - began)
            assert "label" in answer

    with served(run, workers, clients) as address:
        for _ in range(2 * workers):
            Client(address).ask(*contents[0])
        threads = [threading.Thread(target=work, args=(address,)) for _ in range(clients)]
        start = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        together = requests / (time.perf_counter() - start)
    print(f"{clients} clients at once, {workers} workers, {os.cpu_count()} cores:")
    print(f"  model.predict, one after the other {alone:6.1f} files/s")
    print(f"  POST /predict                      {together:6.1f} files/s, {together / alone:.2f} times as many")
    print(f"  latency: median {1e3 * statistics.median(seconds):.1f} ms, 99th {1e3 * high(seconds):.1f} ms")


def fresh(command: Sequence[str]) -> tuple[float, float]:
    """Seconds of a process from its start to its end, and the most megabytes that it held."""
    said = subprocess.run([sys.executable, "-S", "-c", LAUNCHER, *command], check=True, capture_output=True, text=True)
    seconds, size = map(float, said.stdout.split())
    return seconds, size * (1 if sys.platform == "darwin" else 1024) / 1e6


def cold_start(run: Path, pipeline: Path, file: Path, rounds: int) -> None:
    ours = [sys.executable, "-m", "tonearm", "predict", str(run), str(file)]
    plain = [sys.executable, "-c", PLAIN, str(pipeline), str(file)]
    for command in (ours, plain):
        fresh(command)
    found = {"tonearm predict": list[tuple[float, float]](), "plain script": list[tuple[float, float]]()}
    for _ in range(rounds):
        for name, command in zip(found, (ours, plain), strict=True):
            found[name].append(fresh(command))
    print(f"a fresh process to its first answer, {rounds} times in turn:")
    medians = {}
    for name, runs in found.items():
        seconds, megabytes = (statistics.median(column) for column in zip(*runs, strict=True))
        medians[name] = seconds, megabytes
        print(f"  {name:<16} {seconds:5.2f} s, {megabytes:4.0f} MB")
    ours_found, plain_found = medians.values()
    print(f"  ratio            {ours_found[0] / plain_found[0]:5.2f},   {ours_found[1] / plain_found[1]:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=300)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tonearm-benchmark-") as folder:
        run, pipeline, files = make_run(Path(folder))
        latency(run, files, arguments.requests)
        throughput(run, files, arguments.requests, arguments.clients, arguments.workers)
        cold_start(run, pipeline, files[0], arguments.rounds)


if __name__ == "__main__":
    main()
