"""Gradients of networks that learn: how far back the loss reaches, from the first update to the last.

Claim: the gradient of an LSTM goes from vanishing to reaching all the way back, on adding as its loss falls, on copy before
it does; that of a tanh network, which stays at chance, never reaches on adding, and on copy is lost again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from textwrap import fill
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from pydantic import Field

import rnnlab as rl
from rnnlab.experiments._lab import learning
from rnnlab.experiments._lab.claims import AT_LEAST, AT_MOST, Claim, table_of
from rnnlab.experiments._lab.figures import DIVERGING, drawing, edges, headline, legend_below, new_figure
from rnnlab.experiments._lab.spec import Choices, ExperimentSpec, bytes_of_weights
from rnnlab.experiments._lab.words import times

TaskName = Literal["adding", "copy"]
Method = Literal["LSTM", "RNN"]
RATES = {"LSTM": 0.005, "RNN": 0.002}
BATCH = 20
SHORTEST = -3.0  # log10 of what is left: the darkest of the figure
FAINT = -3.0  # log10: a thousandth
OPENS = "the constant error carousel keeps what it was taught to keep (Hochreiter and Schmidhuber 1997, section 3.2)"
NEVER = "the gradient of a tanh network fades at a rate that training hardly moves (Bengio, Simard and Frasconi 1994)"
SOLVED = 0.1  # of the chance floor, as of `adding`: a loss below it wants a logarithmic axis
WIDTH = 26  # letters of a line below a panel


class Spec(ExperimentSpec):
    """Who learns what, and how often its gradient is looked at."""

    task: Choices[TaskName] = Field(default=("adding", "copy"), description="adding, copy")
    method: Choices[Method] = Field(default=("LSTM", "RNN"), description="LSTM, RNN")
    seq_len: int = Field(default=50, ge=21, description="steps T of adding; copy has as many")
    hidden_size: int = Field(default=32, ge=1, description="units H")
    seeds: int = Field(default=2, ge=1, le=10_000, description="trainings of each, seeded 0, 1, ...")
    updates: int = Field(default=3000, ge=1, description="of each training")
    every: int = Field(default=100, ge=1, description="updates between two looks at the gradient")

    def bytes_needed(self, workers: int) -> int:
        """The table, and the networks in hand."""
        looks = -(-self.updates // self.every) * len(self.task) * len(self.method) * self.seeds
        return 200 * looks * self.seq_len + workers * bytes_of_weights(self.hidden_size)


class Part(NamedTuple):
    """One training."""

    spec: Spec
    task: TaskName
    method: Method
    seed: int


def measure(spec: Spec, each: Callable[..., Iterable[pd.DataFrame]] = map) -> pd.DataFrame:
    """Train, and keep log10 |dL/d state| of the last loss at every lag, (h, c) of the LSTM, every so many updates.

    Returns
    -------
    DataFrame
        task, method, seed, update, lag, log10_gradient (over the batch); loss and clipped, mean loss and share of clipped
        updates from this look to the next; chance; why, the symptoms of the training as a whole.
    """
    parts = [Part(spec, *run) for run in runs_of(spec)]
    return pd.concat(each(measure_part, parts), ignore_index=True)


def runs_of(spec: Spec) -> Iterator[tuple[TaskName, Method, int]]:
    """What is trained."""
    return ((task, method, seed) for task in spec.task for method in spec.method for seed in range(spec.seeds))


def task_of(name: TaskName, seq_len: int) -> rl.Task:
    """A task of so many steps."""
    return rl.tasks.adding(seq_len) if name == "adding" else rl.tasks.copy(seq_len - 2 * rl.tasks.COPIED)


def measure_part(part: Part) -> pd.DataFrame:
    """The rows of one training, with Adam and gradients shortened to norm 1."""
    spec, task = part.spec, task_of(part.task, part.spec.seq_len)
    model = learning.model_of(
        part.method, task, (spec.hidden_size, spec.seq_len), np.random.default_rng([part.seed, 0])
    )
    recipe, rng = rl.Recipe(RATES[part.method], "adam", clip_norm=1.0), np.random.default_rng([part.seed, 1])
    done = rl.fit(model, task, recipe, updates=spec.updates, batch_size=BATCH, rng=rng, record_flow=spec.every)
    history = done.history
    looks = history.update // spec.every
    seen = pd.DataFrame({"loss": history.loss, "clipped": history.gradient_norm > 1.0}).groupby(looks).mean()
    lags = history.flow.shape[2]
    rows = seen.loc[np.repeat(seen.index, lags)].reset_index(drop=True)
    where = {"task": part.task, "method": part.method, "seed": part.seed}
    flow = {"update": np.repeat(history.flow_update, lags), "lag": np.tile(np.arange(lags), len(seen))}
    why = "; ".join(map(str, rl.symptoms(done, 1.0))) or "no symptom at the end"
    found = pd.DataFrame({**where, **flow, "log10_gradient": history.flow[:, 0].ravel()})
    return found.join(rows).assign(chance=task.chance, why=why, **spec.changed({"hidden_size"}))


def reach(table: pd.DataFrame) -> pd.DataFrame:
    """log10 of what is left, ten lags before the whole sequence, of the gradient at lag 0: a column for each training.

    That is how far copied symbols have to come, and as far as the first of the marks of adding can be.
    """
    sizes = table.set_index(["task", "method", "seed", "update", "lag"])["log10_gradient"]
    left = sizes.xs(int(table["lag"].max()) - rl.tasks.COPIED, level="lag") - sizes.xs(0, level="lag")
    return left.unstack("update").T


def checks(table: pd.DataFrame) -> pd.DataFrame:
    """Whose gradient reaches back, and whose never does."""
    default = Spec()
    own = table["lag"].max() == default.seq_len and table["update"].max() == default.updates - default.every
    return table_of(reach_claims(table) if own and "hidden_size" not in table else ())


def reach_claims(table: pd.DataFrame) -> Iterator[Claim]:
    """Medians over seeds of the default trainings."""
    left = reach(table)
    for (task, method), runs in left.T.groupby(level=["task", "method"], sort=False):
        first, last = (float(runs.iloc[:, place].median()) for place in (0, -1))
        of = f"{method}, {task}: log10 of what is left {int(table['lag'].max()) - rl.tasks.COPIED} steps back"
        if method == "RNN":
            yield Claim(f"{of}, at the end", FAINT, last, AT_MOST, NEVER, rival=0.0)
        else:
            yield Claim(f"{of}, more than at the start", 1.0, last - first, AT_LEAST, OPENS, rival=0.0)
        if (task, method) == ("adding", "LSTM"):
            yield Claim(f"{of}, at the end", 0.0, last, 1.0, OPENS, rival=first)


def finding(table: pd.DataFrame) -> str:
    """What reaches the longest lag in the end, of the median network of every task and method."""
    rows = table[(table["lag"] == table["lag"].max()) & (table["update"] == table["update"].max())]
    found = rows.groupby(["task", "method"])["log10_gradient"].median().items()
    told = times((f"{method} {task}", value) for (task, method), value in found)
    return f"what reaches {rows['lag'].iloc[0]} steps back in the end: {told}"


@drawing
def draw(table: pd.DataFrame) -> dict[str, Figure]:
    """Lag by update, coloured by what is left of the gradient, with the loss below; the first seed, all losses.

    Returns
    -------
    dict of str to Figure
        learning.
    """
    kinds = list(table[["task", "method"]].drop_duplicates().itertuples(index=False, name=None))
    figure = new_figure(3.4 * len(kinds) + 1.2, 6.4)
    axes = figure.subplots(2, len(kinds), sharex=True, squeeze=False, height_ratios=(1.5, 1))
    for (upper, lower), kind in zip(axes.T, kinds, strict=True):
        rows = table[(table["task"] == kind[0]) & (table["method"] == kind[1])]
        shown = draw_reach(upper, rows[rows["seed"] == rows["seed"].min()])
        draw_losses(lower, rows)
        upper.set_title(f"{kind[1]} {kind[0]}")
        why = str(rows.loc[rows["seed"] == rows["seed"].min(), "why"].iloc[0])
        lower.set_xlabel("updates\n\n" + fill(why, WIDTH), fontsize=9)
    axes[0, 0].set_ylabel("lag: steps back from the last")
    axes[1, 0].set_ylabel("loss over chance")
    figure.colorbar(shown, ax=axes[0], label="log10 of the gradient,\nover that at lag 0", extend="both")
    legend_below(figure, axes[1, 0])
    headline(figure, finding(table))
    return {"learning": figure}


def draw_reach(axis: Any, rows: pd.DataFrame) -> Any:
    """A map of one training: blue where the gradient has faded, red where it has grown."""
    sizes = rows.pivot_table(index="lag", columns="update", values="log10_gradient", dropna=False)
    left = np.clip(sizes.to_numpy() - sizes.to_numpy()[:1], 2 * SHORTEST, -2 * SHORTEST)
    step = rows["update"].unique()[:2]
    width = int(step[-1] - step[0]) or 1
    borders = np.append(sizes.columns, sizes.columns[-1] + width)
    shown = axis.pcolormesh(
        borders, edges(sizes.index), left, cmap=DIVERGING, vmin=SHORTEST, vmax=-SHORTEST, rasterized=True
    )
    axis.contour(
        sizes.columns + width / 2, sizes.index, left, levels=[-1.0], colors="black", linewidths=1.0, linestyles="-"
    )
    return shown


def draw_losses(axis: Any, rows: pd.DataFrame) -> None:
    """The loss of every training over chance, and where it counts as learnt."""
    for seed, run in rows[rows["lag"] == 0].groupby("seed"):
        axis.plot(run["update"], run["loss"] / run["chance"], color=f"C{seed}", linewidth=1.3, label=f"seed {seed}")
    axis.axhline(1.0, color="black", linewidth=1.2, linestyle=(0, (6, 3)), label="chance")
    axis.set(yscale="log")
    if (rows["loss"] > SOLVED * rows["chance"]).all():
        axis.set(yscale="linear")
    axis.locator_params(axis="x", nbins=4)
