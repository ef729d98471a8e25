"""Measures the contenders in turn, and what the rounds say together."""

import math
import random
from dataclasses import dataclass
from statistics import fmean, median, quantiles

from benchmark.environment import note
from benchmark.workers import Worker, WorkerFailed


@dataclass(frozen=True)
class Turn:
    """What one contender did in one round."""

    # Milliseconds of every run but the first.
    times: list
    processors: float
    # Of the output; None for peers.
    digest: str | None


@dataclass(frozen=True)
class Summary:
    """One contender at one length, milliseconds."""

    median: float
    minimum: float
    p90: float
    # How many times slower than the first contender: the median over the rounds of the quotient of
    # the medians of a round, and the quartiles of these.
    ratio: float
    ratio_quartiles: list
    # How many processors it kept busy.
    processors: float
    run_count: int
    round_medians: list


def summarize(turns, baseline):
    """`turns` and `baseline`: one for every round, in the same order."""
    times = sorted(time for turn in turns for time in turn.times)
    medians = [median(turn.times) for turn in turns]
    ratios = [mine / median(turn.times) for mine, turn in zip(medians, baseline)]
    return Summary(
        median=median(times),
        minimum=times[0],
        p90=times[min(len(times) - 1, int(0.9 * len(times)))],
        ratio=median(ratios),
        ratio_quartiles=quantiles(ratios, n=4, method="inclusive")[::2]
        if len(ratios) > 1 else ratios * 2,
        processors=fmean(turn.processors for turn in turns),
        run_count=len(times),
        round_medians=medians,
    )


class Rounds:
    """The workers of all contenders at one thread count."""

    def __init__(self, contenders, threads, missing):
        """Contenders that do not start are noted in `missing` by name and left out."""
        self.threads = threads
        self.contenders = {}
        self.workers = {}
        self._missing = missing
        for contender in contenders:
            worker = Worker(contender.serve_command(threads), contender.environment, threads)
            self.contenders[contender.name] = contender
            self.workers[contender.name] = worker
            self._ask(contender.name, "16 0", 0)

    def _ask(self, name, line, milliseconds):
        try:
            return self.workers[name].ask(line, milliseconds)
        except WorkerFailed as failure:
            note(f"{name}: {failure}")
            self._missing[self.contenders.pop(name).title] = str(failure)
            self.workers.pop(name).close()
            return None

    def embeddings(self, inputs, progress):
        """By name, what every contender answers to the token ids."""
        found = {}
        for name, contender in list(self.contenders.items()):
            progress(name)
            try:
                embeddings = contender.embeddings(self.workers[name], inputs)
                if embeddings:
                    found[name] = embeddings
            except WorkerFailed as failure:
                self._missing[f"{contender.title}, embeddings"] = str(failure)
        return found

    def measure(self, tokens, count, milliseconds, seed, progress):
        """By name, the turns of every round. Everybody has a turn in every round, in random order.

        A round that does not count goes before: some compile or allocate for a new length.
        """
        order = random.Random(f"{seed} {self.threads} {tokens}")
        turns = {name: [] for name in self.workers}
        for index in range(count + 1):
            names = sorted(self.workers)
            order.shuffle(names)
            duration = milliseconds if index else 0
            for name in names:
                progress(f"round {index} of {count}" if index else "warming up")
                answer = self._ask(name, f"{tokens} {duration}", duration)
                if answer and index:
                    turns[name].append(Turn(
                        answer["times_ms"], self.workers[name].processors,
                        answer.get("outputs_sha256"),
                    ))
        return {name: turns[name] for name in self.workers}

    def close(self):
        for worker in self.workers.values():
            worker.close()


def cosine(a, b):
    dot = math.fsum(x * y for x, y in zip(a, b))
    return dot / math.sqrt(math.fsum(x * x for x in a) * math.fsum(y * y for y in b))


def fidelity(embeddings, reference):
    """Mean and least cosine of embeddings and those of the float model."""
    cosines = [cosine(mine, case["embedding"]) for mine, case in zip(embeddings, reference)]
    return {"mean_cosine": math.fsum(cosines) / len(cosines), "min_cosine": min(cosines)}


def starts(contenders, threads, tokens, count, seed, missing, progress):
    """By name, the median of what starting takes, each time in a new process, in random order."""
    order = random.Random(f"{seed} start")
    found = {contender.name: [] for contender in contenders}
    for index in range(count):
        turn = list(contenders)
        order.shuffle(turn)
        for contender in turn:
            progress(f"{index + 1} of {count}")
            try:
                found[contender.name].append(contender.start(threads, tokens))
            except WorkerFailed as failure:
                missing[f"{contender.title}, start"] = str(failure)
    return {
        name: {key: median(one[key] for one in values) for key in values[0]}
        for name, values in found.items()
        if values
    }
