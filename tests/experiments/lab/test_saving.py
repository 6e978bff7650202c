"""Figures as files: formats, sizes, styles; the default is as drawn."""

import signal
import sys
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.text import Text

from rnnlab.experiments._lab import command_line, processes, saving
from rnnlab.experiments._lab.figures import new_figure, theme
from rnnlab.experiments._lab.looks import FORMATS, LEGIBLE, SLIDE, STYLES, Look


def drawn() -> Figure:
    """A line, a filled box, a grid of colours with its bar, and text."""
    with theme():
        figure = new_figure(5, 4)
        axis = figure.subplots()
        axis.plot([0, 1], [0, 1], "o-", color="black", label="law")
        axis.axhspan(0.2, 0.3, color="#dddddd")
        axis.annotate("here", (0.5, 0.5), (0.2, 0.8), arrowprops={"color": "black"})
        figure.colorbar(axis.pcolormesh(np.eye(3)), ax=axis)
        axis.set(xlabel="x", title="title")
        axis.legend()
    return figure


def sizes(figure: Figure) -> list[float]:
    figure.draw_without_rendering()
    return sorted(float(text.get_fontsize()) for text in figure.findobj(Text) if text.get_text())  # type: ignore[attr-defined]


def saved(look: Look) -> dict[str, bytes]:
    return {name.removeprefix("one."): content for name, content in saving.rendered({"one": drawn()}, look).items()}


@pytest.mark.parametrize("style", STYLES)
def test_every_format_is_written_and_reproducible(style: str) -> None:
    look = Look(style, tuple(FORMATS))
    one, two = (saved(look) for _ in range(2))
    assert set(one) == set(FORMATS)
    assert one == two


def test_figures_have_the_same_bytes_whichever_process_draws_them(monkeypatch: pytest.MonkeyPatch) -> None:
    def files(cores: int) -> dict[str, bytes]:
        monkeypatch.setattr(processes, "available_cores", lambda: cores)
        return saving.rendered({name: drawn() for name in "abc"}, Look())

    assert list(files(1)) == [f"{name}.{kind}" for name in "abc" for kind in Look().formats]
    assert files(1) == files(2) == files(3)


def test_an_interrupt_is_no_figure_that_fails(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyboardInterrupt), saving.told_if_undrawn("figure a"):
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            raise ValueError("Invalid affine transformation matrix") from None  # as Matplotlib does
    assert capsys.readouterr().err == ""


def test_paper_is_as_drawn() -> None:
    figure, plain = drawn(), drawn()
    saving.restyle(figure, Look())
    assert sizes(figure) == sizes(plain)
    assert figure.get_facecolor() == plain.get_facecolor()


def test_a_talk_fills_a_slide_with_larger_letters() -> None:
    figure = drawn()
    saving.restyle(figure, Look("talk"))
    np.testing.assert_allclose(sizes(figure), np.maximum(np.multiply(sizes(drawn()), STYLES["talk"].scale), LEGIBLE))
    np.testing.assert_allclose(figure.get_size_inches(), SLIDE)


def test_dark_turns_light_over_and_nothing_twice() -> None:
    figure = drawn()
    saving.restyle(figure, Look("dark"))
    assert max(to_rgba(figure.get_facecolor())[:3]) < 0.1
    line = figure.axes[0].lines[0]
    assert {to_rgba(line.get_color()), to_rgba(line.get_markerfacecolor())} == {(1.0, 1.0, 1.0, 1.0)}
    assert imread(BytesIO(saved(Look("dark", ("png",)))["png"]))[0, 0, :3].max() < 0.1


def test_colours_keep_their_hue() -> None:
    assert saving.turned("none") == "none"
    red, green, blue, _ = saving.turned("#660000")
    assert red > 0.7
    assert green == blue < red


def test_the_size_is_the_one_asked_for() -> None:
    for style in STYLES:
        figure = drawn()
        saving.restyle(figure, Look(style, size=(8.0, 3.0)))
        np.testing.assert_array_equal(figure.get_size_inches(), [8, 3])


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--style", "papr"), "no style is called 'papr'; did you mean 'paper'?"),
        (("--format", "png,gif"), "no format is called 'gif'"),
        (("--format", ""), "--format is empty"),
        (("--size", "12"), "--size is '12': expected WIDTHxHEIGHT"),
        (("--size", "0x7"), "--size is '0x7'"),
        (("--size", "nanx7"), "--size is 'nanx7'"),
    ],
)
def test_bad_looks_are_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], told: str
) -> None:
    for command in (("laws",), ("figures",)):
        monkeypatch.setattr(sys, "argv", ["rnnlab", *command, *words])
        assert command_line.main() == 2
        assert told in capsys.readouterr().err


def test_an_experiment_and_figures_take_a_look(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    look = ("--out", str(tmp_path), "--style", "talk", "--size", "6x4")
    for command, kinds in ((("laws",), "pdf"), (("figures", "laws"), "svg")):
        monkeypatch.setattr(sys, "argv", ["rnnlab", *command, *look, "--format", kinds])
        assert command_line.main() == 0
        assert [path.name for path in (tmp_path / "laws/figures").iterdir()] == [f"tanh.{kinds}"]
