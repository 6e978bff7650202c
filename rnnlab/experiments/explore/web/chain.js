"use strict";
// Station 1: the unrolled network, the running product over all days, the ruler of powers of ten.

const MOST_POINTS = 250; // of a line
const DOUBLES = [-308, 308]; // powers of ten of the ruler
const FLOAT32 = [Math.log10(2 ** -149), Math.log10(2 ** 128)];
let folded = false;

function drawChain(run) {
  const svg = document.getElementById("unrolled");
  if (folded) drawFolded(svg, run);
  else drawUnrolled(svg, run);
  drawRunning(run);
  drawRuler(run);
  drawWrittenOut(run);
}

/** The days that have room: the first ones, a gap, the last two; null stands for the gap. */
function shownDays(steps, room) {
  if (steps + 1 <= room) return Array.from({ length: steps + 1 }, (_, t) => t);
  const first = Array.from({ length: room - 3 }, (_, t) => t);
  return [...first, null, steps - 1, steps];
}

function factorText(run, t) {
  return `× ${pretty(short(run.net.w2 * run.slope[t], 3))}`;
}

function drawUnrolled(svg, run) {
  const width = widthOf(svg), room = Math.max(4, Math.min(9, Math.floor(width / 112)));
  const days = shownDays(run.net.t, room), gap = width / days.length, radius = Math.min(27, gap * 0.27);
  const middle = run.net.x.length ? 96 : 48, parts = [arrowHead()];
  days.forEach((t, k) => {
    const x = gap * (k + 0.5);
    if (t === null) return void parts.push(draw("text", { x, y: middle + 4, class: "gap middle" }, "⋯"), draw("text", { x, y: middle + 24, class: "tick middle" }, `${run.net.t - room + 1} more`));
    if (t > 0) parts.push(...link(run, t, x, gap, radius, middle));
    parts.push(...copy(run, t, x, radius, middle, gap < 105 ? 2 : 3));
  });
  const told = `The unrolled network, ${run.net.t} days. Each link multiplies by W2 f'(a); the first by ${short(run.net.w2 * run.slope[1])}, the last by ${short(run.net.w2 * run.slope[run.net.t])}.`;
  show(svg, middle + 100, told, parts);
}

function arrowHead() {
  const path = draw("path", { d: "M0 0 8 4 0 8z", class: "head" });
  return draw("defs", {}, [draw("marker", { id: "head", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 8, markerHeight: 8, orient: "auto", markerUnits: "userSpaceOnUse" }, [path])]);
}

function link(run, t, x, gap, radius, y) {
  return [
    draw("line", { x1: x - gap + radius + 2, x2: x - radius - 3, y1: y, y2: y, class: "arrow", "marker-end": "url(#head)" }),
    draw("text", { x: x - gap / 2, y: y - 12, class: "factor middle", "data-giveaway": "" }, factorText(run, t)),
  ];
}

function copy(run, t, x, radius, y, digits) {
  const parts = [
    draw("circle", { cx: x, cy: y, r: radius, class: "copy", style: `fill:${colourOf(run.logs[t])}` }),
    draw("text", { x, y: y + 5, class: `name middle ${strong(run.logs[t])}` }, `h${subscript(t)}`),
    draw("text", { x, y: y + radius + 26, class: "product middle", "data-giveaway": "" }, pretty(valueText(run.running[t], digits))),
    draw("text", { x, y: y + radius + 46, class: "tick middle", "data-giveaway": "" }, t ? `day ${t}` : "before"),
  ];
  if (t > 0 && run.net.x.length) {
    parts.push(draw("line", { x1: x, x2: x, y1: y - radius - 26, y2: y - radius - 3, class: "arrow", "marker-end": "url(#head)" }));
    parts.push(draw("text", { x, y: y - radius - 32, class: "tick middle" }, `x = ${short(inputOf(run.net, t), 3)}`));
  }
  return parts;
}

/** The class of letters on a full colour. */
function strong(log10) {
  return Math.abs(log10) >= 7 ? "strong" : "";
}

function subscript(number) {
  return String(number).replace(/\d/g, (digit) => "₀₁₂₃₄₅₆₇₈₉"[digit]);
}

function drawFolded(svg, run) {
  const width = widthOf(svg), x = width / 2, y = 118;
  const loop = `M${x + 20} ${y - 22} C${x + 110} ${y - 120} ${x - 110} ${y - 120} ${x - 20} ${y - 25}`;
  show(svg, 214, `The network with its feedback loop folded: the state goes through W2 = ${run.net.w2} once a day, ${run.net.t} times.`, [
    arrowHead(),
    draw("path", { d: loop, class: "arrow", "marker-end": "url(#head)" }),
    draw("circle", { cx: x, cy: y, r: 30, class: "copy", style: `fill:${colourOf(run.logs[run.net.t])}` }),
    draw("text", { x, y: y + 5, class: `name middle ${strong(run.logs[run.net.t])}` }, "h"),
    draw("text", { x, y: y - 104, class: "factor middle" }, `× W₂ f′(a), once a day, ${run.net.t} times`),
    draw("line", { x1: x - 110, x2: x - 34, y1: y, y2: y, class: "arrow", "marker-end": "url(#head)" }),
    draw("text", { x: x - 116, y: y + 5, class: "tick end" }, "today's price"),
    draw("line", { x1: x + 31, x2: x + 108, y1: y, y2: y, class: "arrow", "marker-end": "url(#head)" }),
    draw("text", { x: x + 116, y: y + 5, class: "tick" }, "tomorrow's"),
  ]);
}

/** log10 of the running product over all days, the days below it in the colour of what survives; the law W2^t dashed. */
function drawRunning(run) {
  const svg = document.getElementById("running"), width = widthOf(svg), height = 236, { t, w2 } = run.net;
  const finite = Array.from(run.logs).filter(Number.isFinite), law = t * Math.log10(Math.abs(w2));
  const ends = [...finite, Number.isFinite(law) ? law : 0];
  const low = Math.min(-2, ...ends) * 1.05, high = Math.max(2, ...ends) * 1.05;
  const at = frame(width, height, { x: [0, t], y: [low, high], yText: powerText, xLabel: "day t", yLabel: "|∂hₜ/∂h₀|", left: 60 });
  const bins = Math.min(t, 80);
  for (let k = 0; k < bins; k += 1) {
    const from = at.x((k * t) / bins), to = at.x(((k + 1) * t) / bins);
    at.parts.push(draw("rect", { x: from, y: at.bottom - 8, width: to - from + 0.5, height: 8, style: `fill:${colourOf(run.logs[Math.round(((k + 1) * t) / bins)])}` }));
  }
  if (Number.isFinite(law)) at.parts.push(line(at, [[0, 0], [t, law]], "law"));
  const every = Math.ceil(t / MOST_POINTS), days = Array.from({ length: Math.floor(t / every) + 1 }, (_, k) => t - k * every);
  at.parts.push(line(at, days.map((day) => [day, run.logs[day] === -Infinity ? NaN : run.logs[day]]), "curve"));
  const rises = run.logs[t] >= 0; // the legend goes where the curve does not
  at.parts.push(draw("text", { x: rises ? at.left + 10 : at.right - 10, y: at.top + 20, class: `tick over ${rises ? "" : "end"}` }, "solid: measured · dashed: law |W₂|ᵗ"));
  show(svg, height, `log10 of the running product over ${t} days: it ends at ${log10Text(run.gradient)}. W2 to the power T would be ${law.toFixed(2)}.`, at.parts);
}

function drawRuler(run) {
  const svg = document.getElementById("ruler"), width = widthOf(svg), y = 46;
  const x = (log10) => 22 + ((log10 - DOUBLES[0]) / (DOUBLES[1] - DOUBLES[0])) * (width - 44);
  const log10 = run.gradient[0] ? log10Of(run.gradient) : -Infinity, place = Math.max(DOUBLES[0], Math.min(DOUBLES[1], log10));
  const parts = [
    draw("rect", { x: x(DOUBLES[0]), y: y - 5, width: x(DOUBLES[1]) - x(DOUBLES[0]), height: 10, rx: 5, class: "doubles" }),
    draw("rect", { x: x(FLOAT32[0]), y: y - 5, width: x(FLOAT32[1]) - x(FLOAT32[0]), height: 10, class: "singles" }),
    draw("text", { x: x(0), y: y + 40, class: "tick middle" }, "inner band: what float32 can show"),
  ];
  for (const tick of width < 500 ? [DOUBLES[0], 0, DOUBLES[1]] : [DOUBLES[0], -200, -100, 0, 100, 200, DOUBLES[1]]) {
    parts.push(draw("text", { x: x(tick), y: y + 22, class: "tick middle" }, tick ? powerText(tick) : "1"));
  }
  parts.push(draw("path", { d: `M${x(place)} ${y - 6}l-8 -14h16z`, style: `fill:${colourOf(log10)}`, class: "needle" }));
  const off = log10 < DOUBLES[0] ? "← far off to the left" : log10 > DOUBLES[1] ? "far off to the right →" : "";
  const side = place < -150 ? "" : place > 150 ? "end" : "middle";
  parts.push(draw("text", { x: x(place), y: 18, class: `tick ${side}` }, off || (run.gradient[0] ? `10^${pretty(log10.toFixed(1))}` : "0")));
  show(svg, 96, `A ruler from 10 to the -308 to 10 to the 308; the gradient is at 10 to the ${log10Text(run.gradient)}.`, parts);
}

const MOST_DIGITS = 1100;

/** The gradient in full: an exact integer digit by digit, a small number with all its zeros. */
function drawWrittenOut(run) {
  const log10 = run.gradient[0] ? log10Of(run.gradient) : 0;
  const whole = run.exact && run.gradient[0] ? integerOf(run.gradient) : null;
  let text = run.gradient[0] ? valueText(run.gradient, 13) : "0";
  if (whole !== null && log10 < MOST_DIGITS) text = grouped(String(whole));
  else if (log10 < -4 && log10 > -MOST_DIGITS) {
    const [sign, digits, first] = decimal(run.gradient, 6);
    text = `${sign}0.${"0".repeat(-first - 1)}${digits.replace(/0+$/, "")}`;
  }
  document.getElementById("written-sign").textContent = whole !== null || !run.gradient[0] ? "=" : "≈";
  document.getElementById("written-out").textContent = text;
}
