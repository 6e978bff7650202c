"""The short way of a batch into a block is the long one's, or none."""

from typing import Any

import numpy as np
import pytest

import rnnlab as rl
from rnnlab.training.batches import Source, copied

T, B, I = 5, 3, 2
RNG = np.random.default_rng(0)
X, LABELS, LENGTH = RNG.standard_normal((T, B, I)), np.array([[0, 1, 1]]), np.array([5, 0, 2])


def source(kind: Any, target: Any, length: Any = None, x: Any = X) -> Source:
    loss: Any = "cross_entropy" if np.asarray(target).dtype.kind in "iu" else "squared_error"
    task = rl.Task(lambda rng, size: rl.Batch(x, target, length), loss, I, 2)
    return Source(task, B, np.random.default_rng(0), kind)


def places(kind: Any, labelled: bool) -> list[Any]:
    shapes, types = (
        ((T, B, I), (1, B) if labelled else (1, B, 2), (B,)),
        (kind, np.int64 if labelled else kind, np.int64),
    )
    return [np.full(shape, 7, of) for shape, of in zip(shapes, types, strict=True)]


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("length", [None, LENGTH, LENGTH.astype(np.uint8)])
@pytest.mark.parametrize(
    "target", [LABELS, LABELS.astype(np.uint64), RNG.standard_normal((1, B, 2)), np.ones((1, B, 2), bool)]
)
@pytest.mark.parametrize("x", [X, X.astype(np.float32), np.asfortranarray(X), X > 0])
def test_both_ways_give_the_same(kind: Any, length: Any, target: Any, x: Any) -> None:
    found = places(kind, target.dtype.kind in "iu")
    assert copied(rl.Batch(x, target, length), *found)
    for got, expected in zip(found, source(kind, target, length, x).batch(), strict=True):
        np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize(
    "batch",
    [
        (X, LABELS),
        rl.Batch(X.tolist(), LABELS),
        rl.Batch(np.ma.masked_greater(X, 0), LABELS),
        rl.Batch(X * 1e300, LABELS),
        rl.Batch(np.full_like(X, np.nan), LABELS),
        rl.Batch(X + 1j, LABELS),
        rl.Batch(X[1:], LABELS),
        rl.Batch(X, LABELS[0]),
        rl.Batch(X, LABELS > 0),
        rl.Batch(X, LABELS * 1.0),
        rl.Batch(X, LABELS, LENGTH + 1),
        rl.Batch(X, LABELS, LENGTH - 1),
        rl.Batch(X, LABELS, LENGTH * 1.0),
        rl.Batch(X, LABELS, LENGTH[:2]),
    ],
)
@pytest.mark.filterwarnings("error")
def test_what_is_not_plainly_right_goes_the_long_way(batch: Any) -> None:
    assert not copied(batch, *places(np.float32, True))


@pytest.mark.parametrize(
    ("later", "says"),
    [
        (rl.Batch(X[1:], LABELS), r"x of the task has shape \(4, 3, 2\): expected \(5, 3, 2\), that of the first"),
        (
            rl.Batch(X * 1e300, LABELS),
            r"x of the task has the value -?\d.*e\+?\d*: expected finite numbers of type float32",
        ),
        (rl.Batch(X, LABELS, LENGTH + 1), "length has values 1 to 6: expected 0 to 5"),
        (rl.Batch(X, LABELS + 1), "classes 0 to 2: expected 0 to 1"),
    ],
)
def test_a_later_batch_that_is_wrong_is_told_of(later: Any, says: str) -> None:
    given = iter([rl.Batch(X, LABELS), rl.Batch(X, LABELS), later])
    drawn = Source(
        rl.Task(lambda rng, size: next(given), "cross_entropy", I, 2), B, np.random.default_rng(0), np.float32
    )
    with pytest.raises(ValueError, match=says):
        drawn.block(2, 2)
