"use strict";
// The state of the page lives in its address: #w2=1.5&t=40&f=tanh&h0=0.1&x=0,0.5,1&w1=1&b1=0, and ask, teach.

const LONGEST = 1000;
const LARGEST = 1e100; // of all but W2: their products are doubles
const OPENS = { w2: 2, t: 50 }; // of an address that says nothing
const LEFT_OUT = { f: "linear", h0: 1, w1: 1, b1: 0, x: [] };
const NAMES = { w2: "W2", t: "T", f: "f", h0: "h_0", w1: "W1", b1: "B1", x: "x" };
const state = { ...OPENS, ...LEFT_OUT, ask: false, teach: 0 };

/** A finite number, or null and one sentence on what is wrong. */
function readNumber(key, text, complaints) {
  const number = text.trim() === "" ? NaN : Number(text);
  const bounded = key === "w2" || Math.abs(number) <= LARGEST;
  if (Number.isFinite(number) && bounded) return number;
  complaints.push(`${NAMES[key]} is “${text}”: expected a number${bounded || Number.isNaN(number) ? "" : ` of a size up to ${LARGEST}`}.`);
  return null;
}

function readLength(text, complaints) {
  const number = readNumber("t", text, complaints);
  if (number === null) return null;
  const bounded = Math.max(1, Math.min(LONGEST, Math.round(number)));
  if (bounded !== number) complaints.push(`T is ${text}: expected a whole number from 1 to ${LONGEST}; ${bounded} is shown.`);
  return bounded;
}

function readChoice(text, complaints) {
  if (Object.hasOwn(F, text)) return text;
  complaints.push(`f is “${text}”: expected ${Object.keys(F).join(", ")}.`);
  return null;
}

/** Inputs, oldest first; between commas, blanks or new lines, as they are pasted. */
function readInputs(text, complaints) {
  const words = text.split(/[\s,;]+/).filter(Boolean);
  const numbers = words.map(Number);
  const wrong = words.find((word, k) => !(Math.abs(numbers[k]) <= LARGEST));
  if (wrong !== undefined) {
    complaints.push(`x has “${wrong}”: expected numbers with commas between them.`);
    return null;
  }
  return numbers.slice(0, LONGEST);
}

function readOne(key, text, complaints) {
  if (key === "f") return readChoice(text, complaints);
  if (key === "t") return readLength(text, complaints);
  if (key === "x") return readInputs(text, complaints);
  return readNumber(key, text, complaints);
}

/** The state that an address describes, and what is wrong with it. */
function parseAddress(hash) {
  const given = new URLSearchParams(hash.replace(/^#/, "").replace(/\+/g, "%2B"));
  const teach = Math.max(0, Number(given.get("teach")) || 0), alone = !Object.keys(NAMES).some((key) => given.has(key));
  const asked = alone ? QUESTIONS[Math.min(teach, QUESTIONS.length) - 1]?.state : {}; // the one that its question is about
  const found = { ...OPENS, ...LEFT_OUT, ...asked, ask: given.get("ask") === "1", teach };
  const complaints = [];
  for (const key of Object.keys(NAMES)) {
    const value = given.has(key) ? readOne(key, given.get(key), complaints) : null;
    if (value !== null) found[key] = value;
  }
  return [found, complaints];
}

/** The address of a state, without what is left out. */
function addressOf(now) {
  const words = [`w2=${now.w2}`, `t=${now.t}`];
  for (const key of ["f", "h0", "w1", "b1"]) if (now[key] !== LEFT_OUT[key]) words.push(`${key}=${now[key]}`);
  if (now.x.some((value) => value !== 0)) words.push(`x=${now.x.join(",")}`);
  if (now.ask) words.push("ask=1");
  if (now.teach) words.push(`teach=${now.teach}`);
  return "#" + words.join("&");
}
