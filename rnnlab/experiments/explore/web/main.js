"use strict";
// From the address and the controls to what is shown.

const byId = (id) => document.getElementById(id);
const STATIONS = {
  chain: (run) => {
    drawChain(run);
    drawPrices(run);
  },
  correction: drawCorrection,
  consequence: drawConsequence,
  cures: drawCures,
};
const CHOICES = [0.5, 0.9, 1, 1.1, 2];
const SPOKEN_AFTER = 600; // milliseconds without a change
let inView = "chain";
let visible = new Set(["chain"]);
let run = null;
let waiting = 0;
const timers = {};

/** Do it once no more calls come for a while. */
function later(name, delay, act) {
  clearTimeout(timers[name]);
  timers[name] = setTimeout(act, delay);
}

/** Change the state; a step of its own keeps the trail of descent. */
function change(changed, keepsTrail = false) {
  Object.assign(state, changed);
  if (!keepsTrail) forgetTrail();
  render();
  later("address", 120, () => history.replaceState(null, "", addressOf(state)));
}

function readAddress() {
  const [found, complaints] = parseAddress(location.hash);
  clearTimeout(timers.address);
  Object.assign(state, found, { teach: Math.min(QUESTIONS.length, Math.round(found.teach)) });
  forgetTrail();
  render();
  complain(complaints);
}

function complain(complaints) {
  byId("complaints").textContent = complaints.join(" ");
}

/** Numbers at once, drawings with the next frame. */
function render() {
  run = solve(state);
  showControls();
  showReadout();
  showStation();
  hideAnswers();
  cancelAnimationFrame(waiting);
  waiting = requestAnimationFrame(() => drawStations(visible));
}

/** Draw again where the layout has changed. */
function relay() {
  widths.clear();
  render();
}

function drawStations(names) {
  for (const name of names) STATIONS[name](run);
}

/** Every control but the one that is being typed in. */
function showControls() {
  const shown = { w2: state.w2, "seq-len": state.t, nonlinearity: state.f, h0: state.h0, w1: state.w1, b1: state.b1, x: state.x.join(", ") };
  for (const [id, value] of Object.entries(shown)) if (document.activeElement !== byId(id)) byId(id).value = value;
  byId("w2-slider").value = state.w2;
  byId("h0-slider").value = state.h0;
  byId("seq-len-slider").value = Math.log10(state.t);
  byId("seq-len-slider").setAttribute("aria-valuetext", `${state.t} days`);
  for (const made of document.querySelectorAll("[data-w2]")) made.setAttribute("aria-pressed", String(Number(made.dataset.w2) === state.w2));
  for (const made of document.querySelectorAll("[data-f]")) made.setAttribute("aria-pressed", String(made.dataset.f === state.f));
}

/** The gradient as text: an integer in full where it is exact, else 13 digits. */
function gradientValue() {
  const whole = run.exact && run.gradient[0] ? integerOf(run.gradient) : null;
  const digits = whole === null ? "" : String(whole);
  return digits && digits.length <= 22 ? grouped(digits) : valueText(run.gradient, 13);
}

function showReadout() {
  byId("gradient-value").textContent = gradientValue();
  byId("equals").textContent = run.exact ? "=" : "≈";
  byId("gradient-log10").textContent = log10Text(run.gradient);
  byId("float32-value").textContent = float32Text(run.float32);
  byId("law").textContent = lawText(run);
  const verdict = verdictOf(run);
  byId("verdict").textContent = verdict;
  byId("verdict").className = { explodes: "explode", vanishes: "vanish" }[verdict] ?? "";
  const secret = byId("controls").classList.contains("secret");
  later("spoken", SPOKEN_AFTER, () => (byId("spoken").textContent = secret ? "" : `The gradient ${verdict}: log10 ${run.gradient[0] ? log10Of(run.gradient).toFixed(2) : "minus infinity"}.`));
}

/** As rnnlab's regimes: within a factor of ten of 1 it is steady. */
function verdictOf({ gradient }) {
  if (!gradient[0]) return "is dead";
  const log10 = log10Of(gradient);
  return Math.abs(log10) <= 1 ? "stays" : log10 > 0 ? "explodes" : "vanishes";
}

/** A control of text: what is typed changes the state if it can be read. */
function wireText(id, key) {
  byId(id).addEventListener("input", (event) => {
    const complaints = [], value = readOne(key, event.target.value, complaints);
    if (value !== null) change({ [key]: value });
    complain(complaints);
  });
  byId(id).addEventListener("change", showControls);
  byId(id).addEventListener("blur", () => setTimeout(showControls));
}

function wireControls() {
  for (const [id, key] of Object.entries({ w2: "w2", "seq-len": "t", nonlinearity: "f", h0: "h0", w1: "w1", b1: "b1", x: "x" })) wireText(id, key);
  byId("w2-slider").oninput = (event) => change({ w2: Number(event.target.value) });
  byId("h0-slider").oninput = (event) => change({ h0: Number(event.target.value) });
  byId("seq-len-slider").oninput = (event) => change({ t: Math.round(10 ** event.target.value) });
  byId("controls").onsubmit = (event) => event.preventDefault();
  byId("w2-choices").append(...CHOICES.map((w2) => Object.assign(button(String(w2), () => change({ w2 })), { ariaPressed: "false" })));
  [...byId("w2-choices").children].forEach((made, k) => (made.dataset.w2 = CHOICES[k]));
  byId("f-choices").append(...Object.keys(F).map((f) => Object.assign(button(TITLES[f], () => change({ f })), { ariaPressed: "false" })));
  [...byId("f-choices").children].forEach((made, k) => (made.dataset.f = Object.keys(F)[k]));
  byId("fold").onclick = () => {
    folded = !folded;
    byId("fold").setAttribute("aria-pressed", String(folded));
    byId("fold").textContent = folded ? "Unfold it" : "Fold the loop";
    drawChain(run);
  };
  byId("statland").onclick = () => change({ x: [...WEEK] });
  byId("no-prices").onclick = () => change({ x: [] });
  byId("prices").ontoggle = relay;
  byId("share").onclick = async (event) => {
    history.replaceState(null, "", addressOf(state));
    await navigator.clipboard?.writeText(location.href).catch(() => {});
    event.target.textContent = "The address holds it";
  };
}

/** Draw stations when they come into view, all of them to be printed, and again where their width changes. */
function watchStations() {
  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries) visible[entry.isIntersecting ? "add" : "delete"](entry.target.id);
    const first = [...document.querySelectorAll(".station")].find((station) => visible.has(station.id) && station.getBoundingClientRect().bottom > innerHeight / 2);
    inView = first?.id ?? inView;
    render();
  }, { rootMargin: "100px", threshold: [0, 0.25, 0.5] });
  document.querySelectorAll(".station").forEach((station) => watcher.observe(station));
  addEventListener("resize", () => later("resize", 80, relay));
  addEventListener("beforeprint", () => {
    widths.clear();
    drawStations(Object.keys(STATIONS));
  });
}

/** Compare the page with rnnlab's kernels on the grid that they were measured on, a few states at a time. */
function checkItself(from = 0, agreed = 0) {
  const { states } = measured, until = Math.min(states.length, from + 40);
  for (let k = from; k < until; k += 1) agreed += agrees(states[k]);
  byId("self-check").textContent = `${agreed} of ${until} states agree with rnnlab's kernels to 12 digits.`;
  if (until < states.length) setTimeout(() => checkItself(until, agreed), 30);
}

function agrees([f, w2, t, h0, mantissa, exponent]) {
  const { gradient } = solve(net({ f, w2, t, h0 })), kernel = scaled(mantissa, exponent);
  const difference = plus(gradient, [-kernel[0], kernel[1]]);
  return !difference[0] || log10Of(difference) - log10Of(kernel) < -12;
}

wireControls();
wireConsequence();
wireCures();
wireTeacher();
byId("version").textContent = measured.version;
addEventListener("hashchange", readAddress);
readAddress();
watchStations();
setTimeout(checkItself, 400);
