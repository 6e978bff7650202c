"""The page as one file: what `web/index.html` refers to is put into it, and so is what was measured."""

from __future__ import annotations

import json
import re
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

import rnnlab
from rnnlab import kernels
from rnnlab.experiments._lab.figures import theme
from rnnlab.experiments._lab.looks import FORMATS

SOURCES = Path(__file__).parent / "web"
SCRIPT = re.compile(r'<script src="([\w-]+\.js)"></script>')
STYLE = re.compile(r'<link rel="stylesheet" href="([\w-]+\.css)" ?/?>')
MEASURED, PICTURE = "<!-- measured -->", "<!-- picture -->"
SHORT = 5  # digits of a number that is only drawn


def page(table: pd.DataFrame, figures: dict[str, Figure]) -> str:
    """The explorer as one self-contained HTML file, from the table and the figures drawn of it."""
    html = source("index.html")
    html = SCRIPT.sub(lambda found: f"<script>\n{source(found[1])}</script>", html)
    html = STYLE.sub(lambda found: f"<style>\n{source(found[1])}</style>", html)
    text = json.dumps(measured(table), separators=(",", ":")).replace("</", "<\\/")
    data = f'<script type="application/json" id="measured">{text}</script>'
    return html.replace(MEASURED, data).replace(PICTURE, picture(figures["explorer"]))


def source(name: str) -> str:
    """One of the page's files."""
    return (SOURCES / name).read_text(encoding="utf-8")


def measured(table: pd.DataFrame) -> dict[str, Any]:
    """What the page's scripts read: the kernels' constants, the grid to check themselves on, trainings, cures."""
    states, descents, cures = (table[table["part"] == name] for name in ("state", "descent", "cure"))
    columns = ["nonlinearity", "w2", "seq_len", "h0", "mantissa", "exponent"]
    first = descents[descents["update"] == 0]
    settings = descents[["learning_rate", "clip", "target", "seq_len", "nonlinearity", "h0"]].iloc[0].to_dict()
    return {
        "version": rnnlab.__version__,
        "constants": {name: np.asarray(value).tolist() for name, value in kernels.constants_of(1.0)._asdict().items()},
        "states": states[columns].to_numpy().tolist(),
        "training": {**settings, "starts": dict(zip(first["start"], first["w2"], strict=True))},
        "cures": [cure(rows) for _, rows in cures.groupby(["network", "forget_bias"], dropna=False, sort=False)],
    }


def cure(rows: pd.DataFrame) -> dict[str, Any]:
    """One curve over the lags 0, 1, ..."""
    bias = rows["forget_bias"].iloc[0]
    curve = [float(f"{value:.{SHORT}g}") for value in rows["log10_gradient"]]
    return {"network": rows["network"].iloc[0], "bias": None if np.isnan(bias) else bias, "curve": curve}


def picture(figure: Figure) -> str:
    """The figure as inline SVG, for a browser without scripts."""
    text = StringIO()
    with theme():
        figure.savefig(text, format="svg", metadata=FORMATS["svg"])
    svg = text.getvalue()
    return svg[svg.index("<svg") :]
