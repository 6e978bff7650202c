"""Optimisers and truncation as records, in the words of PyTorch and Keras."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from rnnlab._base.checks import at_least, one_of, positive, shortened
from rnnlab.kernels import optimisers
from rnnlab.kernels.optimisers import Descent

FrameworkName = Literal["pytorch", "keras"]
OptimiserName = Literal["sgd", "momentum", "rmsprop", "adam"]


class SGD(NamedTuple):
    """Gradient descent: v = m v + g, p -= r v; keras: v = m v + r g, p -= v (torch.optim.SGD, keras.optimizers.SGD).

    Nesterov's momentum steps along g + m v instead; keras: m v + r g.
    """

    momentum: float = 0.0  # m, 0 to below 1
    weight_decay: float = 0.0  # w
    decoupled: bool | None = None  # p -= r w p before the step; else g += w p. None: as the recipe's framework
    nesterov: bool = False  # with momentum alone


class RMSprop(NamedTuple):
    """q = s q + (1 - s) g^2, p -= r g / (sqrt(q) + e); keras: sqrt(q + e) (torch.optim.RMSprop, keras.optimizers.RMSprop).

    Centred it has q - a^2, a = s a + (1 - s) g, in the place of q under the root.
    """

    rho: float | None = None  # s, 0 to below 1. None: 0.99, keras 0.9
    epsilon: float | None = None  # e. None: 1e-8, keras 1e-7
    momentum: float = 0.0  # of the quotient
    weight_decay: float = 0.0
    decoupled: bool | None = None
    centred: bool = False


class Adam(NamedTuple):
    """Kingma and Ba, ICLR 2015, algorithm 1; keras: its epsilon hat, the end of section 2. Decoupled decay makes it AdamW."""

    beta1: float = 0.9  # 0 to below 1
    beta2: float = 0.999
    epsilon: float | None = None  # None: 1e-8, keras 1e-7
    weight_decay: float = 0.0
    decoupled: bool | None = None  # None: coupled, as torch.optim.Adam; keras decoupled, as all of its optimisers


class Truncation(NamedTuple):
    """Truncated BPTT counted from the first step, as loops with `detach` have it; k1 and k2 as of I. Sutskever's thesis.

    With update="window" every k1 steps are an update of its own: from the state that the run of the update before left
    k2 - k1 steps earlier, taken as a constant, the network runs k2 steps; the loss is the mean over the targets of the last
    k1 of them. With update="batch" losses of all windows of k2 steps make one update.
    """

    k2: int  # the gradient goes back through so many steps
    k1: int | None = None  # so many new steps a window; None: k2
    update: Literal["window", "batch"] = "window"


class Framework(NamedTuple):
    """What PyTorch and Keras do not share."""

    rho: float
    epsilon: float
    decoupled: bool
    keras: bool


FRAMEWORKS = {"pytorch": Framework(0.99, 1e-8, False, False), "keras": Framework(0.9, 1e-7, True, True)}
NAMED: dict[str, Any] = {"sgd": SGD(), "momentum": SGD(0.9), "rmsprop": RMSprop(), "adam": Adam()}
MEMORY = {  # arrays remembered
    "sgd": 0,
    "momentum": 1,
    "rmsprop": 1,
    "rmsprop with momentum": 2,
    "centred rmsprop": 2,
    "centred rmsprop with momentum": 3,
    "adam": 2,
}
NO_CLIP = (float("inf"),) * 3


def kind_of(optimiser: Any) -> str:
    """What a state calls an optimiser of a name or a record: two of one kind remember the same."""
    given = record_of(optimiser)
    if isinstance(given, SGD):
        return "momentum" if given.momentum else "sgd"
    if isinstance(given, RMSprop):
        return "centred " * given.centred + "rmsprop" + " with momentum" * bool(given.momentum)
    return "adam"


def record_of(optimiser: Any) -> SGD | RMSprop | Adam:
    """The record of a name."""
    if isinstance(optimiser, SGD | RMSprop | Adam):
        return optimiser
    if not isinstance(optimiser, str):
        raise TypeError(f"optimiser is {shortened(optimiser)}: expected {', '.join(NAMED)}, or a SGD, RMSprop or Adam")
    found: SGD | RMSprop | Adam = one_of("optimiser", optimiser, NAMED)
    return found


def descent_of(optimiser: Any, framework: Any) -> Descent:
    """The kernels' description of an optimiser, without clipping."""
    given, theirs = record_of(optimiser), framework_of(framework)
    factors = {name: getattr(given, name) for name in ("momentum", "rho", "beta1", "beta2") if hasattr(given, name)}
    for name, value in factors.items():
        below_one(name, theirs.rho if value is None else value)
    epsilon = getattr(given, "epsilon", None)
    if epsilon is not None:
        positive(epsilon=epsilon)
    if given.weight_decay != 0:
        positive(weight_decay=given.weight_decay)
    if given.decoupled not in (None, True, False):
        raise TypeError(f"decoupled is {shortened(given.decoupled)}: expected True, False or None")
    nesterov, centred = (yes_or_no(name, getattr(given, name, False)) for name in ("nesterov", "centred"))
    if nesterov and not factors["momentum"]:
        raise ValueError("nesterov is True: expected False without momentum")
    decoupled = bool(theirs.decoupled if given.decoupled is None else given.decoupled)
    small = float(theirs.epsilon if epsilon is None else epsilon)
    decay = float(given.weight_decay)
    return Descent(*coded(given, theirs), small, decay, decoupled, theirs.keras, *NO_CLIP, nesterov, centred)


def framework_of(name: Any) -> Framework:
    """What a framework defines."""
    found: Framework = one_of("framework", name, FRAMEWORKS)
    return found


def coded(given: SGD | RMSprop | Adam, theirs: Framework) -> tuple[int, float, float]:
    """The kernels' code of an optimiser, and its decays of velocity and squares."""
    if isinstance(given, Adam):
        return optimisers.ADAM, float(given.beta1), float(given.beta2)
    if isinstance(given, RMSprop):
        return optimisers.RMSPROP, float(given.momentum), float(theirs.rho if given.rho is None else given.rho)
    return (optimisers.MOMENTUM if given.momentum else optimisers.SGD), float(given.momentum), 0.0


def yes_or_no(name: str, value: Any) -> bool:
    """Refuse what is neither True nor False."""
    if value not in (True, False):
        raise TypeError(f"{name} is {shortened(value)}: expected True or False")
    return bool(value)


def below_one(name: str, value: Any) -> None:
    """Refuse what is no factor of a running mean."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
        raise ValueError(f"{name} is {shortened(value)}: expected a number from 0 to below 1")


def checked_truncation(given: Truncation) -> tuple[int, int]:
    """k1 and k2 of a Truncation."""
    k1 = given.k2 if given.k1 is None else given.k1
    at_least(1, **{"window.k2": given.k2, "window.k1": k1})
    one_of("window.update", given.update, {"window": 0, "batch": 0})
    if k1 > given.k2:
        raise ValueError(f"window.k1 is {k1}: expected at most k2, which is {given.k2}")
    if given.update == "batch" and k1 != given.k2:
        raise ValueError(f"window.k1 is {k1}: expected {given.k2}, k2, where a batch is one update")
    return int(k1), int(given.k2)
