"use strict";
// Station 3: the loss over W2 with its cliff, and steps of gradient descent, plain and clipped.

const { target: TARGET, learning_rate: RATE, clip: CLIP } = measured.training;
const SPANS = { linear: [0, 1.3], relu: [0, 1.3], tanh: [-1, 3], sigmoid: [-8, 8] }; // of W2, where something happens
const HIGHEST = 1; // loss at the top of the chart
const RESTING = 1e-10, GONE = 1e40; // of a state that a chart need not follow any further
let trail = []; // W2 of the steps taken so far, the last one being where the page is
let landscape = { key: "", points: [] };

/** L and dL/dW2; the slope scaled, since it is no double on the wall. */
function lossOf(net) {
  const { state: last, slope: sensitivity } = lastState(net);
  const error = plus(last, scaled(-TARGET));
  return { loss: times(error, error), gradient: times(scaled(2), times(error, sensitivity)) };
}

/** W2 after one step; not finite where a step leaves the doubles. */
function stepped(net, clip) {
  const gradient = toFloat(lossOf(net).gradient);
  return net.w2 - RATE * Math.max(-clip, Math.min(clip, gradient));
}

/** The loss over W2, kept until something else than W2 changes. */
function lossesOver(net, [low, high]) {
  const key = [net.t, net.f, net.h0, net.w1, net.b1, net.x].join();
  if (landscape.key !== key) {
    const count = net.t > 200 ? 101 : 401, grid = Array.from({ length: count }, (_, k) => low + ((high - low) * k) / (count - 1));
    const close = net.f === "linear" || net.f === "relu" ? Array.from({ length: 81 }, (_, k) => 1 + (k - 40) / 800) : [];
    const points = [...grid, ...close].sort((one, other) => one - other).map((w2) => [w2, plainLoss({ ...net, w2 })]);
    landscape = { key, points };
  }
  return landscape.points;
}

function plainLoss(net) {
  const straight = net.f === "linear" || net.f === "relu", fades = straight && Math.abs(net.w2) < 1 && net.b1 === 0;
  let last = net.h0, before = NaN, earlier = NaN; // h_t, h_(t-1), h_(t-2)
  walk(net, (t, h, e) => {
    [earlier, before, last] = [before, last, e ? shifted(h, e) : h];
    const size = Math.abs(last), again = (value) => Math.abs(last - value) < RESTING * size;
    const rests = again(before) || (again(earlier) && (net.t - t) % 2 === 0);
    return t > net.x.length && (rests || (fades ? size < RESTING : size > GONE && Math.abs(net.w2) >= 1)); // for the eye it stays there
  });
  return Math.min(1e9, (last - TARGET) ** 2);
}

function drawConsequence(run) {
  const { net } = run, svg = document.getElementById("loss"), width = widthOf(svg), height = 330;
  const span = SPANS[net.f], { loss, gradient } = lossOf(net), value = toFloat(loss);
  const at = frame(width, height, { x: span, y: [0, HIGHEST], xLabel: "W₂: drag the ball, or step", yLabel: "loss L" });
  const line1 = line(at, lossesOver(net, span), "curve");
  const dots = trail.map((w2) => ball(at, w2, plainLoss({ ...net, w2 }), span, 3.5, "step"));
  at.parts.push(clipOf(at, "wall"), draw("g", { "clip-path": "url(#wall)" }, [line1]), ...dots, ball(at, net.w2, value, span, 9, "handle"));
  at.parts.push(...signs(at, net, value, span));
  show(svg, height, `The loss over W2. At W2 = ${net.w2} it is ${valueText(loss, 4)} and its slope ${valueText(gradient, 4)}.`, at.parts);
  dragging(svg, ([x]) => change({ w2: Math.round(1000 * invert(x, at.left, at.right, ...span)) / 1000 }));
  tellStep(run, loss, gradient);
}

function ball(at, w2, loss, span, r, name) {
  const cx = at.x(Math.max(span[0], Math.min(span[1], w2))), cy = at.y(Math.max(0, Math.min(HIGHEST, loss)));
  return draw("circle", { cx, cy, r, class: name });
}

/** Where the ball is off the chart, a sign says how far: in the corner that the wall leaves free. */
function signs(at, net, loss, [low, high]) {
  const aside = net.w2 < low ? "←" : net.w2 > high ? "→" : "", above = loss > HIGHEST ? "↑" : "";
  const told = [aside && `W₂ = ${short(net.w2, 5)}`, above && `loss ${short(loss, 3)}`].filter(Boolean).join(", ");
  return told ? [draw("text", { x: at.left + 14, y: at.top + 26, class: "sign" }, pretty(`${aside}${above} ${told}`))] : [];
}

let lost = false;

function tellStep(run, loss, gradient) {
  const steps = trail.length ? `${trail.length} step${trail.length > 1 ? "s" : ""} taken. ` : "";
  const here = `Here L = ${valueText(loss, 4)} and dL/dW₂ = ${valueText(gradient, 4)}; a plain step moves W₂ by ${short(-RATE * toFloat(gradient), 3)}, a clipped one by ${short(-RATE * Math.max(-CLIP, Math.min(CLIP, toFloat(gradient))), 3)}.`;
  document.getElementById("step-told").textContent = pretty(lost ? `${steps}The next step leaves the range of doubles: this training is lost.` : steps + here);
}

/** Take steps, one after another so that the eye can follow. */
function takeSteps(count, clip) {
  const next = stepped(state, clip);
  lost = !Number.isFinite(next);
  if (lost) return void render();
  trail.push(state.w2);
  change({ w2: next }, true);
  const quiet = matchMedia("(prefers-reduced-motion: reduce)").matches;
  if (count > 1) setTimeout(() => takeSteps(count - 1, clip), quiet ? 0 : 60);
}

/** Start where a training explodes, stalls or learns. */
function startTraining(name) {
  const { seq_len: t, nonlinearity: f, h0, starts } = measured.training;
  forgetTrail();
  change({ ...LEFT_OUT, w2: starts[name], t, f, h0 }, true);
}

function forgetTrail() {
  trail = [];
  lost = false;
}

function wireConsequence() {
  for (const place of document.querySelectorAll(".target")) place.textContent = String(TARGET);
  const choices = document.getElementById("start-choices");
  const words = { explode: "explodes", stall: "stalls", learn: "learns" };
  choices.append(...Object.keys(words).map((name) => button(`${words[name]}, W₂ = ${measured.training.starts[name]}`, () => startTraining(name))));
  document.getElementById("plain-step").onclick = () => takeSteps(1, Infinity);
  document.getElementById("clipped-step").onclick = () => takeSteps(1, CLIP);
  document.getElementById("plain-run").onclick = () => takeSteps(20, Infinity);
  document.getElementById("clipped-run").onclick = () => takeSteps(20, CLIP);
}
