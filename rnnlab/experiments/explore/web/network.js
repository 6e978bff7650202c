"use strict";
// h_t = f(W1 x_t + W2 h_(t-1) + B1), its slopes and its gradient: the arithmetic of rnnlab's kernels, with
// their constants.

const measured = JSON.parse(document.getElementById("measured").textContent);
const C = measured.constants;
const FAR = C.far; // states above 2^FAR or below 2^-FAR get an exponent of their own
let expm1Part = 0; // of exponentialParts: e^y = 2^k (1 + expm1Part)
let slope = 0; // f'(a), of the last call of one of F

/** k, and expm1Part, of e^y. */
function exponentialParts(y) {
  const rounded = y * C.log2_e + C.rounder - C.rounder;
  const r = y - rounded * C.ln2_high - rounded * C.ln2_low;
  const square = r * r;
  let q = 0;
  for (const [odd, even] of C.polynomial) q = q * square + (odd * r + even);
  expm1Part = r + square * q;
  return rounded;
}

const F = {
  linear(a) {
    slope = 1;
    return a;
  },
  relu(a) {
    slope = a > 0 ? 1 : 0;
    return a > 0 ? a : 0;
  },
  tanh(a) {
    const scale = powerOfTwo(exponentialParts(-2 * Math.min(Math.abs(a), C.tanh_limit)));
    const expm1 = scale * expm1Part + (scale - 1);
    const inverse = 2 / (2 + expm1);
    slope = (scale * expm1Part + scale) * inverse * inverse;
    const magnitude = (0 - expm1) / (2 + expm1);
    return a < 0 ? -magnitude : magnitude;
  },
  sigmoid(a) {
    const k = exponentialParts(-Math.min(Math.abs(a), C.sigmoid_limit));
    const half = k >> 1;
    const first = powerOfTwo(half);
    const exponential = (first * expm1Part + first) * powerOfTwo(k - half);
    const value = 1 / (1 + exponential);
    slope = exponential * value * value;
    return a < 0 ? exponential * value : value;
  },
};

/** The input of day t = 1, 2, ...: those given are the oldest, the others 0. */
function inputOf(net, t) {
  return t <= net.x.length ? net.x[t - 1] : 0;
}

/** Run the recurrence; visit(t, state, its exponent, slope, pre-activation) after each day, until it returns true. */
function walk(net, visit) {
  const f = F[net.f], low = powerOfTwo(-FAR), high = powerOfTwo(FAR);
  const usual = Math.abs(net.w2) <= high; // a product of it and a usual state is a double
  let h = net.h0, e = 0;
  for (let t = 1; t <= net.t; t += 1) {
    const drive = net.w1 * inputOf(net, t), size = Math.abs(h);
    let a;
    if (e === 0 && usual && (size === 0 || (size >= low && size <= high))) {
      a = drive + net.w2 * h + net.b1;
      h = f(a);
    } else [h, e, a] = farStep(net, drive, scaled(h, e));
    if (visit(t, h, e, slope, a)) return;
  }
}

/** One step from a state that may be out of range, [mantissa, exponent]: f is positively homogeneous there. */
function farStep(net, drive, state) {
  const w = scaled(net.w2), unbounded = net.f === "linear" || net.f === "relu";
  const outgrows = unbounded && Math.max(state[1], state[1] + w[1]) > FAR;
  const decays = net.f !== "sigmoid" && state[1] < -FAR && drive + net.b1 === 0;
  if (!state[0] || !(outgrows || decays)) {
    const a = drive + net.w2 * toFloat(state) + net.b1;
    return [F[net.f](a), 0, a];
  }
  const e = state[1] + w[1], a = shifted(drive + net.b1, -e) + w[0] * state[0];
  slope = net.f === "relu" && a <= 0 ? 0 : 1;
  return [slope ? a : 0, slope ? e : 0, a];
}

/** Everything that the page shows of one network. */
function solve(net) {
  const run = {
    net, h: new Float64Array(net.t + 1), hExponent: new Int32Array(net.t + 1), slope: new Float64Array(net.t + 1),
    a: new Float64Array(net.t + 1), running: [scaled(1)], logs: new Float64Array(net.t + 1), exact: true,
  };
  const w = scaled(net.w2);
  run.h[0] = net.h0;
  walk(net, (t, h, e, slopeNow, a) => {
    run.h[t] = h;
    run.hExponent[t] = e;
    run.slope[t] = slopeNow;
    run.a[t] = a;
    run.running.push(times(times(run.running[t - 1], scaled(slopeNow)), w));
    run.logs[t] = run.running[t][0] ? log10Of(run.running[t]) : -Infinity;
    run.exact = run.exact && (net.f === "linear" || net.f === "relu" || a === 0);
    return false;
  });
  run.gradient = pullBack(run, w);
  run.exact = run.exact && exactPower(w, net.t);
  run.float32 = pullBackFloat32(run);
  return run;
}

/** dh_T/dh_0 by backpropagation through time. */
function pullBack(run, w) {
  let gradient = scaled(1);
  for (let t = run.net.t; t >= 1; t -= 1) gradient = times(times(gradient, scaled(run.slope[t])), w);
  return gradient;
}

/** The same product as float32 would have it. */
function pullBackFloat32(run) {
  const w = Math.fround(run.net.w2);
  let gradient = 1;
  for (let t = run.net.t; t >= 1; t -= 1) gradient = Math.fround(Math.fround(gradient * Math.fround(run.slope[t])) * w);
  return gradient;
}

/** Whether the power of W2 is a double without rounding. */
function exactPower(w, steps) {
  let odd = Number(dyadic(w)[0]), product = 1;
  for (let t = 0; t < steps && Math.abs(odd) !== 1; t += 1) {
    product *= Math.abs(odd);
    if (product > LARGEST_EXACT) return false;
  }
  return true;
}

/** log10 |dh_T/dh_0| alone, for curves: once the unit rests, every further day multiplies by the same factor. */
function log10Gradient(net) {
  const [w, power] = scaled(net.w2), low = powerOfTwo(-60), high = powerOfTwo(60);
  let mantissa = 1, exponent = 0, before = NaN, rest = 0;
  walk(net, (t, h, e, slopeNow) => {
    mantissa *= slopeNow * w;
    exponent += power;
    const size = Math.abs(mantissa);
    if (size < low || size > high) [mantissa, exponent] = scaled(mantissa, exponent);
    const alive = net.f === "relu" && net.b1 === 0 && net.w2 > 0 && h > 0; // and stays so without inputs
    if (t > net.x.length && (alive || (e === 0 && h === before))) {
      rest = (net.t - t) * Math.log10(Math.abs(net.w2 * slopeNow));
      return true;
    }
    before = h;
    return mantissa === 0;
  });
  return mantissa ? log10Of([mantissa, exponent]) + rest : -Infinity;
}

/** h_T and dh_T/dW2, scaled. */
function lastState(net) {
  const w = scaled(net.w2);
  let before = scaled(net.h0), sensitivity = [0, 0];
  walk(net, (t, h, e, slopeNow) => {
    sensitivity = times(plus(before, times(w, sensitivity)), scaled(slopeNow));
    before = scaled(h, e);
    return false;
  });
  return { state: before, slope: sensitivity };
}

const PATIENCE = 4000; // days after which a unit rests or never will
const RESTS = 1e-12;

/** Where h = f(W2 h + B1) comes to from the last state, and by what factor a day multiplies there; null if nowhere. */
function restOf(run) {
  const { net } = run, f = F[net.f];
  let h = shifted(run.h[net.t], run.hExponent[net.t]), once = h;
  for (let k = 0; k < PATIENCE; k += 1) {
    once = f(net.w2 * h + net.b1);
    const first = slope, twice = f(net.w2 * once + net.b1), second = slope;
    if (!Number.isFinite(twice)) return null;
    if (Math.abs(twice - h) <= RESTS * Math.abs(h)) {
      const factor = Math.abs(net.w2) * Math.sqrt(first) * Math.sqrt(second);
      return { h, factor, swings: Math.abs(once - h) > 1e-6 };
    }
    h = twice;
  }
  return null;
}
