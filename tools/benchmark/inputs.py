"""The token ids that everybody is measured with."""

VOCABULARY_SIZE = 30522


def token_ids(count, vocabulary_size=VOCABULARY_SIZE):
    """The ids of `run-edge bench`: a linear congruential generator, see `BenchCommand.swift`."""
    state = 0x9E3779B97F4A7C15
    ids = []
    for _ in range(count):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        ids.append((state >> 33) % vocabulary_size)
    return ids
