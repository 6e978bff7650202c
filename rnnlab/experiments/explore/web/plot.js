"use strict";
// Inline SVG by hand: elements, a frame with two axes, lines, points.

const SVG = "http://www.w3.org/2000/svg";

/** An SVG element with attributes, and text or children in it. */
function draw(name, attributes = {}, inside = []) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (Array.isArray(inside)) made.append(...inside);
  else made.textContent = inside;
  return made;
}

const widths = new Map(); // of SVGs, until the layout changes: asking after every drawing costs a layout each

/** How wide an SVG is in its place. */
function widthOf(svg) {
  if (!widths.has(svg)) widths.set(svg, svg.clientWidth);
  return widths.get(svg) || 600;
}

/** Replace what an SVG shows; it is as wide as its place, and told in words. */
function show(svg, height, told, parts) {
  const width = widthOf(svg);
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("height", height);
  svg.setAttribute("aria-label", told);
  svg.replaceChildren(...parts);
}

const FADES = 12; // powers of ten at which the colour is full

/** The colour of what survives: blue vanishes, red explodes. */
function colourOf(log10) {
  if (log10 === -Infinity) return "var(--dead)";
  const share = Math.round(100 * Math.min(1, (Math.abs(log10) / FADES) ** 0.6));
  return `color-mix(in oklab, var(--${log10 < 0 ? "vanish" : "explode"}) ${share}%, var(--steady))`;
}

/** Round steps that cut a range into about `count` parts. */
function ticksOf([low, high], count) {
  const rough = (high - low) / count, ten = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((k) => k * ten).find((k) => k >= rough);
  const ticks = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k += 1) ticks.push(k * step);
  return ticks;
}

/** Scales and parts of a frame: {x, y, parts, left, right, top, bottom, grown}. */
function frame(width, height, given) {
  const grown = document.body.classList.contains("teaching") ? 1.4 : 1; // room for larger letters
  const left = (given.left ?? 54) * grown, right = width - (given.right ? given.right * grown : 14), top = 14, bottom = height - 42 * grown;
  const x = (value) => left + ((value - given.x[0]) / (given.x[1] - given.x[0])) * (right - left);
  const y = (value) => bottom - ((value - given.y[0]) / (given.y[1] - given.y[0])) * (bottom - top);
  const parts = [draw("rect", { x: left, y: top, width: right - left, height: bottom - top, class: "ground" })];
  for (const tick of ticksOf(given.x, width < 500 ? 4 : 8)) {
    parts.push(draw("line", { x1: x(tick), x2: x(tick), y1: bottom, y2: bottom + 5, class: "axis" }));
    parts.push(draw("text", { x: x(tick), y: bottom + 4 + 14 * grown, class: "tick middle" }, given.xText?.(tick) ?? plain(tick)));
  }
  for (const tick of ticksOf(given.y, 5)) {
    parts.push(draw("line", { x1: left, x2: right, y1: y(tick), y2: y(tick), class: tick === 0 ? "zero" : "grid" }));
    parts.push(draw("text", { x: left - 8, y: y(tick) + 4, class: "tick end" }, given.yText?.(tick) ?? plain(tick)));
  }
  parts.push(draw("text", { x: (left + right) / 2, y: height - 6, class: "label middle" }, given.xLabel));
  parts.push(draw("text", { x: 14, y: (top + bottom) / 2, class: "label middle", transform: `rotate(-90 14 ${(top + bottom) / 2})` }, given.yLabel));
  return { x, y, parts, left, right, top, bottom, grown };
}

/** What keeps a drawing within a frame, by the id that it is referred to with. */
function clipOf(at, id) {
  const size = { x: at.left, y: at.top, width: at.right - at.left, height: at.bottom - at.top };
  return draw("defs", {}, [draw("clipPath", { id }, [draw("rect", size)])]);
}

function plain(tick) {
  return String(Number(tick.toPrecision(6))).replace("-", "−");
}

/** A line through points [x, y]; held within the frame, broken where there is no number. */
function line(at, points, className) {
  let path = "", pen = "M";
  for (const [px, py] of points) {
    if (Number.isNaN(py)) pen = "M";
    else {
      const y = Math.max(at.top - 1, Math.min(at.bottom + 1, at.y(py)));
      path += `${pen}${at.x(px).toFixed(1)} ${y.toFixed(1)}`;
      pen = "L";
    }
  }
  return draw("path", { d: path || "M0 0", class: className });
}

/** A power of ten as people write it, for an axis of logarithms. */
function powerText(log10) {
  return `10${raised(String(Math.round(log10)))}`;
}
