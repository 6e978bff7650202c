"use strict";
// Numbers as [mantissa, exponent], mantissa x 2^exponent with 1 <= |mantissa| < 2, or [0, 0]: as rnnlab's kernels keep
// them. A power of two scales exactly, so that every digit is the one that plain doubles would have had.

const word = new Float64Array(1);
const halves = new Uint32Array(word.buffer); // the high half is halves[1] on every machine that runs a browser
const BIAS = 1023;
const FRACTION = 52; // bits after the leading one
const LOG10_2 = Math.LN2 / Math.LN10;
const LARGEST_EXACT = Number.MAX_SAFE_INTEGER;

/** 2^k for a normal exponent k. */
function powerOfTwo(k) {
  halves[0] = 0;
  halves[1] = (k + BIAS) << 20;
  return word[0];
}

/** number x 2^k in two exact factors; 0 or infinite outside the range of doubles. */
function shifted(number, k) {
  const bounded = Math.max(-2040, Math.min(2040, k));
  const half = bounded >> 1;
  return number * powerOfTwo(half) * powerOfTwo(bounded - half);
}

/** The k with 2^k <= |number| < 2^(k + 1); 0 for 0. */
function exponentOf(number) {
  word[0] = number;
  const field = (halves[1] >>> 20) & 2047;
  if (field) return field - BIAS;
  return number ? exponentOf(number * 2 ** 64) - 64 : 0;
}

function scaled(number, exponent = 0) {
  const k = exponentOf(number);
  return number ? [shifted(number, -k), exponent + k] : [0, 0];
}

function times(one, other) {
  return scaled(one[0] * other[0], one[1] + other[1]);
}

function plus(one, other) {
  if (!one[0] || !other[0]) return one[0] ? one : other;
  const top = Math.max(one[1], other[1]);
  return scaled(shifted(one[0], one[1] - top) + shifted(other[0], other[1] - top), top);
}

function toFloat([mantissa, exponent]) {
  return shifted(mantissa, exponent);
}

function log10Of([mantissa, exponent]) {
  return Math.log10(Math.abs(mantissa)) + exponent * LOG10_2;
}

/** log10 of the size in 12 significant digits, as the address's readers expect it. */
function log10Text(number) {
  return number[0] ? log10Of(number).toPrecision(12) : "-inf";
}

/** The scaled number as an integer times a power of two: [BigInt, exponent], the integer odd. */
function dyadic([mantissa, exponent]) {
  let whole = BigInt(mantissa * 2 ** FRACTION);
  let power = exponent - FRACTION;
  while (whole && !(whole & 1n)) {
    whole >>= 1n;
    power += 1;
  }
  return [whole, power];
}

/** Sign and decimal digits, rounded: [text of the sign, digits, decimal exponent of the first]. */
function decimal(number, count) {
  const [whole, power] = dyadic(number);
  const size = whole < 0n ? -whole : whole;
  let first = Math.floor(log10Of(number));
  for (;;) {
    const up = count - 1 - first; // size x 2^power x 10^up has `count` digits before the point
    let top = size, below = 1n;
    if (up >= 0) top *= 10n ** BigInt(up); else below *= 10n ** BigInt(-up);
    if (power >= 0) top <<= BigInt(power); else below <<= BigInt(-power);
    const digits = String((2n * top + below) / (2n * below));
    if (digits.length === count) return [whole < 0n ? "-" : "", digits, first];
    first += digits.length - count;
  }
}

/** In scientific notation that a program reads: 8.88178419700125e-16. */
function scientific(number, count) {
  const [sign, digits, first] = decimal(number, count);
  const rest = digits.slice(1).replace(/0+$/, "");
  return `${sign}${digits[0]}${rest && "."}${rest}e${first < 0 ? "-" : "+"}${String(Math.abs(first)).padStart(2, "0")}`;
}

/** A number in `count` significant digits: plain where that is short, else scientific. */
function valueText(number, count = 15) {
  if (!number[0]) return "0";
  const [sign, digits, first] = decimal(number, count);
  if (first < -4 || first >= count) return scientific(number, count);
  const text = first < 0 ? "0." + "0".repeat(-first - 1) + digits : digits.slice(0, first + 1) + "." + digits.slice(first + 1);
  return sign + grouped(text.replace(/\.?0+$/, ""));
}

/** An integer's digits in groups of three; of a fraction the part before the point. */
function grouped(text) {
  const [whole, part] = text.split(".");
  return whole.replace(/\B(?=(\d{3})+$)/g, ",") + (part ? "." + part : "");
}

/** The integer that a scaled number is, as a BigInt; null if it is none. */
function integerOf(number) {
  const [whole, power] = dyadic(number);
  return power >= 0 ? whole << BigInt(power) : null;
}

/** A double the short way: for labels. */
function short(number, count = 4) {
  if (!Number.isFinite(number)) return number > 0 ? "inf" : number < 0 ? "-inf" : "undefined";
  return valueText(scaled(number), count);
}

/** A number's text as people write it, for what no program reads: a true minus, a power of ten. */
function pretty(text) {
  return text.replace(/e([+-])0*(\d+)/g, (_, sign, digits) => `\u2009×\u200910${raised((sign === "-" ? "-" : "") + digits)}`).replace(/-(?=[\d.])/g, "−");
}

function raised(text) {
  return text.replace(/[\d-]/g, (sign) => (sign === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[sign]));
}

/** A float32 in the fewest digits that tell it from its neighbours; 0 and inf as float32 shows them. */
function float32Text(number) {
  if (!Number.isFinite(number)) return number > 0 ? "inf" : number < 0 ? "-inf" : "nan";
  if (number === 0) return "0";
  for (let count = 1; ; count += 1) {
    if (count === 9 || Math.fround(Number(number.toPrecision(count))) === number) return valueText(scaled(number), count);
  }
}
