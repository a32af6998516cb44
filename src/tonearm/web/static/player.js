// A sound with its picture and its genre over time; a line shows the position, and a click or an arrow key moves it.

import { attempt, chip, clock, hue, json, make, play, SVG } from "./common.js";

const STEP = 5; // seconds of an arrow key
const WIDTH = 1000, HEIGHT = 52;

/** The panel of a file. strips: places for the timelines of models, which `timeline` fills. */
export function player(item, audio) {
  const line = make("div", { className: "head-line" });
  const picture = make("img", { alt: `Spectrogram of ${item.name}: time to the right, low pitches at the bottom` });
  const time = make("div", { className: "time", tabIndex: 0, role: "slider", "aria-label": `Position in ${item.name}`,
    "aria-valuemin": "0", "aria-valuenow": "0", "aria-valuetext": "0:00" }, picture, line);
  const words = make("p", { className: "time-words", textContent: "0:00" });
  const panel = make("div", {}, time, words, make("div", { className: "segment-lists" }));
  const state = { length: 0, segments: [] };
  connect(audio, time, line, words, state);
  show(item, picture);
  return { panel, time, state };
}

function show(item, picture) {
  picture.onerror = () => picture.replaceWith(make("p", { className: "error", textContent: "This file has no picture." }));
  picture.src = `/api/picture/${item.key}`;
}

function connect(audio, time, line, words, state) {
  const length = () => (Number.isFinite(audio.duration) ? audio.duration : state.length);
  const move = () => {
    const all = length();
    const at = audio.currentTime;
    line.style.left = `${all ? (100 * at) / all : 0}%`;
    const found = state.segments.find((one) => at >= one.start && at < one.end);
    const said = `${clock(at)} of ${clock(all)}${found?.label ? `, ${found.label}` : ""}`;
    words.textContent = said;
    time.setAttribute("aria-valuemax", Math.round(all));
    time.setAttribute("aria-valuenow", Math.round(at));
    time.setAttribute("aria-valuetext", said);
    if (!audio.paused) requestAnimationFrame(move);
  };
  state.seek = (seconds) => attempt(async () => {
    if (audio.readyState === 0) {
      audio.preload = "metadata";
      await new Promise((done, failed) => {
        audio.addEventListener("loadedmetadata", done, { once: true });
        audio.addEventListener("error", () => failed(new Error("this sound cannot be played here")), { once: true });
        audio.load();
      });
    }
    audio.currentTime = Math.min(Math.max(0, seconds), length());
    move();
  });
  for (const event of ["play", "pause", "seeked", "durationchange", "timeupdate"]) audio.addEventListener(event, move);
  time.addEventListener("click", (event) => {
    const box = time.getBoundingClientRect();
    const share = (event.clientX - box.left) / box.width;
    state.seek(share * (length() || 0)).then(() => (length() ? undefined : state.seek(share * length())));
  });
  time.addEventListener("keydown", (event) => {
    const steps = { ArrowLeft: -STEP, ArrowDown: -STEP, ArrowRight: STEP, ArrowUp: STEP };
    if (event.key in steps) state.seek(audio.currentTime + steps[event.key]);
    else if (event.key === "Home") state.seek(0);
    else if (event.key === "End") state.seek(length());
    else if (event.key === " " || event.key === "Enter") audio.paused ? attempt(() => play(audio)) : audio.pause();
    else return;
    event.preventDefault();
  });
  state.move = move;
}

/** Fetch the genre over time of a model, and put its strip under the picture. */
export async function timeline(item, model, shown, named) {
  const waiting = make("p", { className: "time-words", textContent: `${model.title}: following the genre …` });
  shown.panel.querySelector(".segment-lists").append(waiting);
  try {
    const found = await json(`/api/timeline/${item.key}?model=${model.key}`);
    shown.state.length = Math.max(shown.state.length, found.seconds);
    if (!shown.state.segments.length) shown.state.segments = found.segments;
    shown.time.insertBefore(strip(found, model), shown.time.querySelector(".head-line"));
    waiting.replaceWith(segments(found, model, shown.state, named));
    if (found.broken) shown.panel.append(make("p", { className: "error", textContent: `It ends early: ${found.broken}.` }));
    shown.state.move();
  } catch (error) {
    waiting.textContent = `${model.title}: no genre over time, since ${error.message}`;
    waiting.className = "error";
  }
}

/** Columns in the colour of the window's most probable label, as high as its probability. */
function strip(found, model) {
  const drawing = document.createElementNS(SVG, "svg");
  drawing.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  drawing.setAttribute("preserveAspectRatio", "none");
  drawing.setAttribute("aria-hidden", "true");
  drawing.setAttribute("class", "strip");
  const scale = WIDTH / Math.max(found.seconds, 1e-9);
  for (const one of found.windows) {
    if (!one.label) continue;
    const box = document.createElementNS(SVG, "rect");
    const height = one.probability * (HEIGHT - 4);
    const facts = { x: one.start * scale, width: Math.max(1, (one.end - one.start) * scale - 0.8), y: HEIGHT - height, height };
    for (const [name, value] of Object.entries(facts)) box.setAttribute(name, value.toFixed(2));
    box.setAttribute("class", hue(model.labels, one.label));
    drawing.append(box);
  }
  return drawing;
}

function segments(found, model, state, named) {
  const parts = found.segments.map((one) => {
    const words = `${clock(one.start)}–${clock(one.end)} ${one.label || "no genre"}`;
    const button = make("button", { type: "button" }, one.label ? chip(model.labels, one.label) : null, words);
    button.onclick = () => state.seek(one.start);
    return make("li", {}, button);
  });
  if (named) parts.unshift(make("li", { className: "soft", textContent: model.title }));
  return make("ul", { className: "segments", "aria-label": `Genre over time by ${model.title}` }, ...parts);
}
