"use strict";
// Station 2: what the unit does with its state, and the gradient over every h_0 that it may start from.

const TITLES = { linear: "linear", relu: "ReLU", tanh: "tanh", sigmoid: "sigmoid" };
const WIDEST = 1.25; // |h_0| of the charts

function drawCorrection(run) {
  drawCobweb(run);
  drawOverStart(run);
  document.getElementById("resting").textContent = pretty(restingWords(run));
}

/** The map from one day's state to the next, and the way that the state takes: up to the curve, over to the diagonal. */
function drawCobweb(run) {
  const svg = document.getElementById("cobweb"), width = widthOf(svg), height = 330, { net } = run;
  const span = [-WIDEST, WIDEST];
  const at = frame(width, height, { x: span, y: span, xLabel: "state of one day", yLabel: "state of the next" });
  const grid = Array.from({ length: 161 }, (_, k) => -WIDEST + (k * WIDEST) / 80);
  at.parts.push(draw("line", { x1: at.x(-WIDEST), y1: at.y(-WIDEST), x2: at.x(WIDEST), y2: at.y(WIDEST), class: "law" }));
  at.parts.push(clipOf(at, "inside"), draw("g", { "clip-path": "url(#inside)" }, [
    line(at, grid.map((h) => [h, F[net.f](net.w2 * h + net.b1)]), "curve"),
    draw("path", { d: staircase(run, at), class: "way" }),
    draw("circle", { cx: at.x(Math.max(-WIDEST, Math.min(WIDEST, net.h0))), cy: at.y(0), r: 7, class: "handle" }),
  ]));
  at.parts.push(draw("text", { x: at.left + 10, y: at.top + 18, class: "tick" }, `curve: ${TITLES[net.f]}(W₂ h${net.b1 ? " + B₁" : ""})`));
  show(svg, height, `The way of the state from h0 = ${net.h0}: after ${net.t} days it is ${short(shifted(run.h[net.t], run.hExponent[net.t]))}.`, at.parts);
}

const STAIRS = 40;

function staircase(run, at) {
  const far = (value) => Math.max(-9, Math.min(9, value));
  const state = (t) => far(shifted(run.h[t], run.hExponent[t]));
  let path = `M${at.x(state(0))} ${at.y(0)}`;
  for (let t = 1; t <= Math.min(run.net.t, STAIRS); t += 1) {
    path += `V${at.y(state(t)).toFixed(1)}H${at.x(state(t)).toFixed(1)}`;
  }
  return path;
}

/** Starts for the curve: even ones, and ever closer to 0 from both sides. */
const STARTS = (() => {
  const even = Array.from({ length: 101 }, (_, k) => ((k - 50) * WIDEST) / 50);
  const close = Array.from({ length: 60 }, (_, k) => 10 ** (-1 - k / 4));
  return [...even, ...close, ...close.map((h) => -h)].sort((one, other) => one - other);
})();

let overStart = { key: "", points: [] };

/** log10 of the gradient over h_0, kept until something else than h_0 changes. */
function gradientsOverStart(net) {
  const key = [net.w2, net.t, net.f, net.w1, net.b1, net.x].join();
  if (overStart.key !== key) {
    const straight = net.f === "linear" ? log10Gradient(net) : 0;
    overStart = { key, points: STARTS.map((h0) => [h0, net.f === "linear" ? straight : log10Gradient({ ...net, h0 })]) };
  }
  return overStart.points;
}

function drawOverStart(run) {
  const svg = document.getElementById("over-h0"), width = widthOf(svg), height = 330, { net } = run;
  const points = gradientsOverStart(net), log10 = run.gradient[0] ? log10Of(run.gradient) : -Infinity;
  const finite = [...points.map(([, y]) => y), log10].filter(Number.isFinite);
  const y = [Math.min(-2, ...finite) * 1.1, Math.max(2, ...finite) * 1.15];
  const at = frame(width, height, { x: [-WIDEST, WIDEST], y, yText: powerText, xLabel: "first state h₀: drag the point", yLabel: "|∂h_T/∂h₀|", left: 60 });
  at.parts.push(line(at, points.map(([h0, value]) => [h0, value === -Infinity ? NaN : value]), "curve"));
  const cy = at.y(Math.max(y[0], log10)), cx = at.x(Math.max(-WIDEST, Math.min(WIDEST, net.h0)));
  at.parts.push(draw("line", { x1: cx, x2: cx, y1: at.bottom, y2: cy, class: "stem" }));
  at.parts.push(draw("circle", { cx, cy, r: 9, class: "handle", style: `fill:${colourOf(log10)}` }));
  show(svg, height, `log10 of the gradient over h0 from -${WIDEST} to ${WIDEST}: from ${Math.min(...finite).toFixed(1)} to ${Math.max(...finite).toFixed(1)}; at h0 = ${net.h0} it is ${log10Text(run.gradient)}.`, at.parts);
  dragging(svg, ([x]) => {
    const h0 = invert(x, at.left, at.right, -WIDEST, WIDEST);
    change({ h0: Math.abs(x - at.x(0)) < 5 ? 0 : Math.round(100 * Math.max(-WIDEST, Math.min(WIDEST, h0))) / 100 });
  });
}

/** Measured and law, side by side. */
function restingWords(run) {
  const { net } = run, rest = restOf(run), last = short(Math.abs(net.w2 * run.slope[net.t]));
  const measuredNow = `Measured: the last day multiplies by ${last} in size.`;
  if (net.f === "linear") return `${measuredNow} Law: every day by |W₂| = ${short(Math.abs(net.w2))}, wherever the unit starts.`;
  if (!rest) return `${measuredNow} The state does not come to rest.`;
  const where = rest.swings ? `swings between two states, one of them ${short(rest.h)}` : `rests at h* = ${short(rest.h)}`;
  return `${measuredNow} Law: a unit that ${where} multiplies by |W₂| f′ = ${short(rest.factor)} a day.`;
}

/** What theory says of log10 |dh_T/dh_0|, in a few words. */
function lawText(run) {
  const { net } = run, power = net.t * Math.log10(Math.abs(net.w2));
  if (net.f === "linear") return `log₁₀ |W₂|ᵀ = ${plainLog(power)}`;
  if (net.f === "relu") return `${plainLog(power)} alive, or dead`;
  const rest = restOf(run);
  return rest ? `${short(rest.factor)} a day at rest: ${plainLog(net.t * Math.log10(rest.factor))}` : `at most ${plainLog(power)}`;
}

function plainLog(log10) {
  return Number.isFinite(log10) ? log10.toFixed(3) : "-inf";
}
