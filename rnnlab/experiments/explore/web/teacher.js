"use strict";
// Ask first: questions to predict before an answer shows. And the teacher's mode, which walks them with the arrow keys.

const answered = new Set(); // of stations
let shownAt = 0; // the question of teacher's mode

function button(text, pressed) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = text;
  made.onclick = pressed;
  return made;
}

/** One card per question; its answer shows when one is chosen. */
function makeQuestions() {
  QUESTIONS.forEach((question, k) => {
    const card = document.createElement("div"), asked = document.createElement("p"), choices = document.createElement("p");
    const answer = document.createElement("p");
    card.className = "ask";
    card.dataset.question = k;
    asked.className = "asked";
    asked.textContent = question.ask(question.state);
    choices.className = "choices";
    answer.className = "answer";
    answer.setAttribute("aria-live", "polite");
    choices.append(...question.choices(question.state).map((text, choice) => button(text, () => choose(question, card, choice))));
    card.append(asked, choices, answer);
    document.querySelector(`#${question.station} .asks`).append(card);
  });
}

function choose(question, card, choice) {
  const right = choice === question.right;
  card.querySelectorAll("button").forEach((made, k) => {
    made.classList.toggle("right", k === question.right);
    made.setAttribute("aria-pressed", String(k === choice));
  });
  card.querySelector(".answer").textContent = pretty(`${right ? "Yes." : "No."} ${question.answer(question.state)}`);
  answered.add(question.station);
  forgetTrail();
  change({ ...question.state }, true);
}

/** Hide what gives an answer away until its station's question is answered; the readout goes with the station in view. */
function hideAnswers() {
  const asking = state.ask || state.teach > 0;
  for (const station of document.querySelectorAll(".station")) {
    station.classList.toggle("secret", asking && !answered.has(station.id));
  }
  document.getElementById("controls").classList.toggle("secret", asking && !answered.has(currentStation()));
  document.getElementById("ask").setAttribute("aria-pressed", String(state.ask));
}

function currentStation() {
  return state.teach ? QUESTIONS[state.teach - 1].station : inView;
}

/** In teacher's mode one station shows, with one question. */
function showStation() {
  const at = Math.min(state.teach, QUESTIONS.length);
  if (at !== shownAt) widths.clear(); // another layout
  shownAt = at;
  document.body.classList.toggle("teaching", at > 0);
  for (const station of document.querySelectorAll(".station")) station.classList.toggle("now", at > 0 && station.id === currentStation());
  for (const card of document.querySelectorAll(".ask")) card.classList.toggle("now", Number(card.dataset.question) === at - 1);
  document.getElementById("where").textContent = at ? `${at} of ${QUESTIONS.length}` : "";
  document.getElementById("previous").disabled = at <= 1;
  document.getElementById("next").disabled = at >= QUESTIONS.length;
}

/** Go to a question, in its state; 0 leaves the mode. */
function teach(at) {
  const bounded = Math.max(0, Math.min(QUESTIONS.length, at));
  forgetTrail();
  if (bounded) askAnew(bounded - 1);
  change(bounded ? { ...QUESTIONS[bounded - 1].state, teach: bounded } : { teach: 0 }, true);
  if (bounded) scrollTo(0, 0);
}

/** Forget what was answered, so that the next class is asked too. */
function askAnew(k) {
  const card = document.querySelector(`[data-question="${k}"]`);
  answered.delete(QUESTIONS[k].station);
  card.querySelector(".answer").textContent = "";
  for (const made of card.querySelectorAll("button")) {
    made.classList.remove("right");
    made.setAttribute("aria-pressed", "false");
  }
}

const KEYS = { ArrowRight: 1, PageDown: 1, ArrowLeft: -1, PageUp: -1 };

/** Arrow keys walk, where they do not move a slider or a cursor; Escape leaves. */
function walkWithKeys(event) {
  const busy = event.target.matches?.("input, select, textarea") || event.altKey || event.ctrlKey || event.metaKey;
  if (!state.teach || busy) return;
  if (event.key === "Escape") teach(0);
  else if (KEYS[event.key]) {
    event.preventDefault();
    teach(Math.max(1, state.teach + KEYS[event.key]));
  }
}

function wireTeacher() {
  makeQuestions();
  addEventListener("keydown", walkWithKeys);
  document.getElementById("teach").onclick = () => teach(1);
  document.getElementById("leave").onclick = () => teach(0);
  document.getElementById("previous").onclick = () => teach(state.teach - 1);
  document.getElementById("next").onclick = () => teach(state.teach + 1);
  document.getElementById("ask").onclick = () => {
    QUESTIONS.forEach((_, k) => askAnew(k));
    change({ ask: !state.ask }, true);
  };
}
