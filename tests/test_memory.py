"""Memory of large arrays: lent again when nobody has it any more, to one at a time, and no more kept than is said."""

import gc
import threading
from itertools import count

import numpy as np
import pytest

import rnnlab as rl
from rnnlab._base import memory
from rnnlab._base.memory import KEPT, LARGE, LINE, PAGE, empty

SHAPE = (LARGE, 3)


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_kept", {})


def kept_bytes() -> int:
    return sum(each.size for each in memory._kept.values())


def test_what_is_gone_is_lent_again() -> None:
    first = empty(SHAPE, np.float64)
    size = first.nbytes
    del first
    ((key, kept),) = memory._kept.items()
    assert size <= kept.size <= size + 5000
    other = empty((LARGE, 4), np.float64)  # not of that size
    assert list(memory._kept) == [key]
    second = empty(SHAPE, np.float64)
    assert not memory._kept
    del second
    assert list(memory._kept) == [key]
    del other
    assert len(memory._kept) == 2


@pytest.mark.parametrize(
    "view", [lambda a: a[1:2], lambda a: a.T, lambda a: a.view(np.int64)[0], memoryview, np.asarray]
)
def test_a_view_keeps_it_from_being_lent(view: object) -> None:
    whole = empty(SHAPE, np.float64)
    some = view(whole)  # type: ignore[operator]
    del whole
    assert not memory._kept
    del some
    assert kept_bytes() > 0


def test_garbage_may_be_collected_while_memory_is_looked_for() -> None:
    """It may after any number of allocations; what it kept alive is kept from then on."""
    few = [empty((LARGE + n,), np.uint8) for n in range(200)]
    del few
    usual = gc.get_threshold()
    try:
        for allocations in range(10, 200, 10):
            gc.disable()
            gc.collect()
            ring: list[object] = [empty((LARGE + 1000 + allocations,), np.uint8)]
            ring.append(ring)
            del ring
            pairs = [(n, n) for n in range(3000)]  # Python has none left to use again
            gc.set_threshold(gc.get_count()[0] + allocations)
            gc.enable()
            memory._taken(1)  # a size that is never kept
            del pairs
    finally:
        gc.set_threshold(*usual)
        gc.enable()
    gc.collect()
    assert len(memory._kept) == 219


def test_small_arrays_own_their_memory() -> None:
    assert empty((3,), np.float64).flags.owndata
    assert not empty((LARGE,), np.uint8).flags.owndata


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int64])
def test_large_arrays_begin_at_lines_of_their_own(kind: type, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever in a page their memory begins, the worst case of a turn added to it among them: all at the same place."""

    def taken(size: int) -> np.ndarray:
        whole, at = np.empty(size + PAGE, np.uint8), -7 * LINE * next(places)
        first = (at - whole.ctypes.data) % PAGE
        return whole[first : first + size]

    places = count()
    monkeypatch.setattr(memory, "_taken", taken)
    monkeypatch.setattr(memory, "_turns", count())
    arrays = [empty((LARGE + k,), kind) for k in range(9)]
    assert all(array.ctypes.data % LINE == 0 and array.flags.carray for array in arrays)
    assert len({array.ctypes.data % PAGE for array in arrays}) == len(arrays)


def test_the_oldest_are_given_back() -> None:
    several = [empty((KEPT // 4 + k,), np.uint8) for k in range(6)]
    while several:
        several.pop(0)
    assert 0 < kept_bytes() <= KEPT
    assert max(each.size for each in memory._kept.values()) >= KEPT // 4 + 5
    before = dict(memory._kept)
    empty((KEPT + 1,), np.uint8)  # does not push out what others can use
    assert list(memory._kept) == list(before)


def test_threads_never_share() -> None:
    wrong: list[int] = []

    def work(own: int) -> None:
        for _ in range(200):
            array = empty((LARGE,), np.uint8)
            array.fill(own)
            other = empty((LARGE,), np.uint8)
            other.fill(100 + own)
            if not ((array == own).all() and (other == 100 + own).all()):
                wrong.append(own)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_tape_that_is_left_is_not_written_to() -> None:
    rng = np.random.default_rng(0)
    params = rl.RNNParams(rng.normal(size=(64, 8)), rng.normal(size=(64, 64)) / 8, np.zeros(64))
    x, dh = rng.normal(size=(20, 32, 8)), np.ones((32, 64))
    tape = rl.forward(params, x)
    states, found = tape.h.copy(), rl.backward(tape, dh)
    expected = found.x.copy()
    for _ in range(3):
        rl.backward(rl.forward(params, -x), dh)
    np.testing.assert_array_equal(tape.h, states)
    np.testing.assert_array_equal(found.x, expected)
    assert tape.h.nbytes >= LARGE > found.params.bias.nbytes
