"""A few spoilt files for every reader; `benchmarks/fuzzing.py` reads thousands, in processes that are watched."""

import pytest

COUNT, SEED = 4, 3
SLOW = {"model with a network", "set under annotation", "DICOM SR", "evaluation", "training set"}


@pytest.fixture(scope="module")
def arena(benchmarks, tmp_path_factory):
    from _fuzz_worker import Arena

    return Arena(tmp_path_factory.mktemp("arena"))


def test_every_reader_reads_or_refuses_in_one_line(arena):
    from _fuzz_worker import inputs
    from fuzzing import FINE, READERS

    for name, reader in READERS.items():
        for index in range(COUNT if name not in SLOW else 2):
            outcome, more, _, _ = arena.judge(reader, *inputs(name, reader, SEED, index))
            assert outcome in FINE, f"{name} {index}: {outcome}, {more}"


def test_every_reader_reads_what_is_not_spoilt(arena):
    from fuzzing import READERS

    for name, reader in READERS.items():
        if name in SLOW:
            continue
        read = [arena.judge(reader, seed, seed.files)[0] for seed in reader.seeds()[:3]]
        assert "read" in read, name


def test_the_same_numbers_spoil_alike(benchmarks):
    from _fuzz_worker import inputs
    from fuzzing import READERS

    reader = READERS["landmarks (.csv)"]
    some = [inputs("landmarks (.csv)", reader, 0, index)[1] for index in range(20)]
    assert some == [inputs("landmarks (.csv)", reader, 0, index)[1] for index in range(20)]
    assert any(one != other for one, other in zip(some, some[1:], strict=False))


@pytest.mark.parametrize(("read", "outcome"), [
    ("{}['x']", "raised"), ("bytearray(1 << 62)", "asked for too much memory"),
    ("open('/etc/hostname')", "left its folder"), ("open(path.parent.parent / 'x', 'w')", "left its folder"),
    ("__import__('pickle').loads(b'cos\\nsystem\\n.')", "left its folder"), ("path.unlink()", "left its folder"),
    ("path.read_bytes()", "read"),
])
def test_what_goes_wrong_is_seen(benchmarks, tmp_path, read, outcome):
    from _fuzz_images import Reader
    from _fuzz_seeds import Seed
    from _fuzz_worker import Arena

    seed = Seed({"a.txt": b"a"}, "a.txt")
    reader = Reader(lambda: [seed], lambda path: eval(read, {"path": path, "open": open}))
    assert Arena(tmp_path).judge(reader, seed, seed.files)[0] == outcome


def test_a_reader_that_crashes_or_hangs_is_found(benchmarks, monkeypatch):
    import os
    import time

    import fuzzing
    from _fuzz_images import Reader
    from _fuzz_seeds import Seed

    def bad(path):
        if len(path.read_bytes()) % 4 == 1:
            os.abort()
        if len(path.read_bytes()) % 4 == 3:
            time.sleep(60)

    monkeypatch.setattr(fuzzing, "PATIENCE_S", 1.0)
    seeds = [Seed({"a.bin": b"0123456789"}, "a.bin")]
    monkeypatch.setitem(fuzzing.READERS, "bad", Reader(lambda: seeds, bad))
    monkeypatch.setattr("_fuzz_worker.WARM", 0)
    tally = fuzzing.fuzz("bad", 12, 1)
    assert sum(tally.counts.values()) == 12
    assert tally.counts["crashed"] and tally.counts["hung"] and tally.counts["read"]
