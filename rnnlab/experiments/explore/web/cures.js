"use strict";
// Station 4: the gradient against lag, measured by rnnlab's kernels.

const LABELS = { tanh: "tanh RNN", gru: "GRU", attention: "attention", lstm: "LSTM" };
const LSTMS = measured.cures.filter((cure) => cure.network === "lstm");
let chosenBias = Math.min(1, LSTMS.length - 1);

function curveOf(network) {
  return measured.cures.find((cure) => cure.network === network).curve;
}

function drawCures() {
  const svg = document.getElementById("lags"), width = widthOf(svg), height = 360;
  const lags = measured.cures[0].curve.length - 1, low = Math.min(...measured.cures.flatMap((cure) => cure.curve));
  const at = frame(width, height, { x: [0, lags], y: [low * 1.05, 4], yText: powerText, xLabel: "steps back", yLabel: "reaches an input", left: 60, right: 100 });
  const points = (curve) => curve.map((value, lag) => [lag, value]);
  LSTMS.forEach((cure, k) => at.parts.push(line(at, points(cure.curve), k === chosenBias ? "curve lstm" : "curve faint")));
  for (const name of ["tanh", "gru", "attention"]) at.parts.push(line(at, points(curveOf(name)), `curve ${name}`));
  const { bias, curve } = LSTMS[chosenBias], gate = lags * Math.log10(F.sigmoid(bias));
  at.parts.push(line(at, [[0, 0], [lags, gate]], "law"));
  at.parts.push(...endLabels(at, lags, { tanh: curveOf("tanh"), gru: curveOf("gru"), attention: curveOf("attention"), lstm: curve }));
  document.getElementById("forget-bias-value").textContent = String(bias);
  const told = `${lags} steps back, the LSTM with forget bias ${bias} has 10^${curve[lags].toFixed(1)} of what reaches its last input (the gate alone, dashed, σ(b)^${lags}: 10^${gate.toFixed(1)}); tanh 10^${curveOf("tanh")[lags].toFixed(1)}, GRU 10^${curveOf("gru")[lags].toFixed(1)}, attention 10^${curveOf("attention")[lags].toFixed(1)}.${curve[lags] > 0 ? " More than reaches the last input: a gate this open lets the gradient grow on its way back." : ""}`;
  document.getElementById("cures-told").textContent = told.replaceAll("-", "−");
  show(svg, height, told, at.parts);
}

/** A name right of the end of every curve, pushed apart where two would meet. */
function endLabels(at, lags, curves) {
  const places = Object.entries(curves).map(([name, curve]) => ({ name, y: at.y(curve[lags]) })).sort((one, other) => one.y - other.y);
  let floor = -Infinity;
  return places.map(({ name, y }) => {
    floor = Math.max(floor + 16 * at.grown, y + 4);
    return draw("text", { x: at.right + 6, y: floor, class: `end-label ${name}` }, LABELS[name] + (name === "lstm" ? `, b = ${LSTMS[chosenBias].bias}` : ""));
  });
}

function wireCures() {
  const slider = document.getElementById("forget-bias");
  Object.assign(slider, { min: 0, max: LSTMS.length - 1, value: chosenBias });
  slider.oninput = () => {
    chosenBias = Number(slider.value);
    drawCures();
  };
}
