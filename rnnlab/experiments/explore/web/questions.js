"use strict";
// What to ask first: each question with the state that it is about; every number in it is computed.

const net = (changed) => ({ ...OPENS, ...LEFT_OUT, ...changed });
const gradientText = (changed, count = 4) => valueText(solve(net(changed)).gradient, count);
const training = (name) => {
  const { seq_len: t, nonlinearity: f, h0, starts } = measured.training;
  return net({ w2: starts[name], t, f, h0 });
};
const after = (count, from, clip) => {
  let now = from;
  for (let k = 0; k < count; k += 1) now = { ...now, w2: stepped(now, clip) };
  return now.w2;
};
const beyond = (w2) => (Number.isFinite(w2) ? `to ${short(w2)}` : "beyond all doubles");
const LAST = measured.cures[0].curve.length - 1;
const reaches = (network) => `10^${curveOf(network)[LAST].toFixed(0)}`.replace("-", "−");
const SHUT = LSTMS[0], OPEN = LSTMS.find((cure) => cure.curve[LAST] > -1) ?? LSTMS.at(-1);

const QUESTIONS = [
  {
    station: "chain",
    state: net({}),
    ask: (now) => `W₂ = ${now.w2}, and nothing bends. Nudge h₀ a little: how many times larger is the nudge after ${now.t} days?`,
    choices: (now) => [`${now.w2 * now.t} times`, `about ${grouped(String(now.t ** 2 * now.w2))} times`, "about a quadrillion times"],
    right: 2,
    answer: (now) => `Every day doubles it: ${now.w2}^${now.t} = ${grouped(String(integerOf(solve(now).gradient)))}. This is an exploding gradient. No learning rate fits it: a step that suits the last day is a quadrillion times too long for the first.`,
  },
  {
    station: "chain",
    state: net({ w2: 1 / OPENS.w2 }),
    ask: (now) => `Now W₂ = ${now.w2}. What is left of the nudge after ${now.t} days?`,
    choices: (now) => ["nothing that a learner would see", `${100 / now.t} %`, `${100 * now.w2} %`],
    right: 0,
    answer: (now) => `${now.w2}^${now.t} = ${gradientText(now)}: it has vanished. The network cannot learn from its first day, and float32 shows ${float32Text(solve({ ...now, t: 200 }).float32)} at T = 200. Then try W₂ = 0.6 at T = 300: float32 sticks at ${float32Text(solve({ ...now, w2: 0.6, t: 300 }).float32)} for ever, since 0.6 of its smallest number rounds to itself.`,
  },
  {
    station: "correction",
    state: net({ f: "tanh", h0: 0.1 }),
    ask: (now) => `W₂ = ${now.w2} again, but the unit is tanh, and starts at h₀ = ${now.h0}. Does its gradient explode?`,
    choices: () => ["Yes: W₂ is above 1", "No: it vanishes", "Neither: it stays about 1"],
    right: 1,
    answer: (now) => {
      const rest = restOf(solve(now));
      return `It vanishes: ${gradientText(now)}. For a few days it does double; then the unit is full, at h* = ${short(rest.h)}, where tanh is so flat that a day multiplies by W₂ (1 − h*²) = ${short(rest.factor)}.`;
    },
  },
  {
    station: "correction",
    state: net({ f: "tanh", h0: 0 }),
    ask: (now) => `Is there any start h₀ from which tanh explodes at W₂ = ${now.w2}?`,
    choices: () => ["No: tanh is bounded", "Yes: one, h₀ = 0", "Yes: every h₀ above 1"],
    right: 1,
    answer: (now) => `At h₀ = 0 alone the unit stays on the steep middle of tanh for ever: ${grouped(String(integerOf(solve(now).gradient)))}, as if it were linear. It stands on the tip of a needle: h₀ = 0.000001 gives ${gradientText({ ...now, h0: 1e-6 })}. Drag the point and see.`,
  },
  {
    station: "consequence",
    state: training("explode"),
    ask: (now) => `Here W₂ = ${now.w2}, and the valley is at ${short(TARGET ** (1 / now.t), 4)}. Where does one plain step of gradient descent, learning rate ${RATE}, put W₂?`,
    choices: (now) => [`at ${pretty(short(after(1, now, Infinity)))}`, "a little closer to the valley", "in the valley"],
    right: 0,
    answer: (now) => `The slope on the wall is ${valueText(lossOf(now).gradient, 3)}. The step flies to W₂ = ${short(after(1, now, Infinity), 6)}, and the next one ${beyond(after(2, now, Infinity))}. Clipped to ${CLIP}, the same gradient only says which way: ${short(after(1, now, CLIP), 6)}, and after 20 clipped steps ${short(after(20, now, CLIP), 4)}.`,
  },
  {
    station: "consequence",
    state: training("stall"),
    ask: (now) => `And from W₂ = ${now.w2}: does clipping help there?`,
    choices: () => ["Yes, it makes the steps right", "No, nothing moves"],
    right: 1,
    answer: (now) => `Nothing moves. The slope is ${valueText(lossOf(now).gradient, 3)}; clipping shortens steps and lengthens none. After 20 steps W₂ is ${short(after(20, now, CLIP), 6)}. Clipping cures what explodes, and not what has vanished.`,
  },
  {
    station: "cures",
    state: net({}),
    ask: () => `An LSTM was made to remember. With forget bias ${SHUT.bias}, how much more than a plain tanh network does it let through over ${LAST} steps?`,
    choices: () => ["everything", "hardly more: both are lost", "half"],
    right: 1,
    answer: () => `tanh leaves ${reaches("tanh")}, the LSTM with forget bias ${SHUT.bias} 10^${SHUT.curve[LAST].toFixed(0)}: its gate lets ${short(100 * F.sigmoid(SHUT.bias), 3)} % through a step. One number changes that: at forget bias ${OPEN.bias} it is 10^${OPEN.curve[LAST].toFixed(1)}. The bias is the cure, more than the gate. And attention (${reaches("attention")}) does not decay at all, since no chain is in between.`.replaceAll("^-", "^−"),
  },
];
