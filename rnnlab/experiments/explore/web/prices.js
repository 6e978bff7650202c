"use strict";
// Prices of one's own: typed, pasted, or dragged in a chart of the first days.

const MOST_DRAGGED = 14;
const WEEK = [0, 0.5, 1, 1, 0.5, 0, 0.5]; // StatLand's: low, medium, high

function drawPrices(run) {
  const svg = document.getElementById("price-chart");
  if (!byId("prices").open) return;
  const days = Math.min(run.net.t, MOST_DRAGGED), top = Math.max(1, ...run.net.x.slice(0, days).map(Math.abs));
  const low = run.net.x.some((value) => value < 0) ? -top : 0;
  const at = frame(widthOf(svg), 180, { x: [0.5, days + 0.5], y: [low, top], xText: (tick) => (Number.isInteger(tick) ? String(tick) : ""), xLabel: "day: drag a point", yLabel: "price x" });
  for (let t = 1; t <= days; t += 1) {
    const value = inputOf(run.net, t);
    at.parts.push(draw("line", { x1: at.x(t), x2: at.x(t), y1: at.y(0), y2: at.y(value), class: "stem" }));
    at.parts.push(draw("circle", { cx: at.x(t), cy: at.y(value), r: 9, class: "handle" }));
  }
  show(svg, 180, `Prices of the first ${days} days: ${Array.from({ length: days }, (_, k) => inputOf(run.net, k + 1)).join(", ")}.`, at.parts);
  dragging(svg, ([x, y]) => {
    const t = Math.max(1, Math.min(days, Math.round(invert(x, at.left, at.right, 0.5, days + 0.5))));
    const value = Math.max(low, Math.min(top, Math.round(20 * invert(y, at.bottom, at.top, low, top)) / 20));
    const x2 = Array.from({ length: Math.max(t, state.x.length) }, (_, k) => (k + 1 === t ? value : state.x[k] ?? 0));
    change({ x: x2 });
  });
}

/** The value at a place between two ends. */
function invert(place, from, to, low, high) {
  return low + ((place - from) / (to - from)) * (high - low);
}

/** Call `moved` with the place, in pixels of the SVG, while a pointer is down on it. */
function dragging(svg, moved) {
  const place = (event) => {
    const box = svg.getBoundingClientRect();
    moved([event.clientX - box.left, event.clientY - box.top]);
  };
  svg.onpointerdown = (event) => {
    svg.setPointerCapture(event.pointerId);
    place(event);
  };
  svg.onpointermove = (event) => {
    if (event.buttons) place(event);
  };
}
