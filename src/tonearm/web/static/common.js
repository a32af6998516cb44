// What all pages share: requests, elements, colours of labels, the chosen model, one sound at a time.

export const SVG = "http://www.w3.org/2000/svg";
const COLOURS = 7;

/** An element with properties, data and children; texts are always text. */
export function make(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key.includes("-") || key === "role" || key === "for") element.setAttribute(key, value);
    else element[key] = value;
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

export const byId = (id) => document.getElementById(id);

/** Ask the application; an Error with its own words where it refuses. */
export async function ask(address, method = "GET", body = undefined) {
  const options = { method, headers: {} };
  if (body !== undefined) {
    options.headers["content-type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch(address, options);
  } catch {
    throw new Error("tonearm does not answer; was it stopped?");
  }
  if (!response.ok) throw new Error(await reason(response));
  return response;
}

export const json = async (...request) => (await ask(...request)).json();

async function reason(response) {
  try {
    return (await response.json()).error;
  } catch {
    return `the application answered ${response.status}`;
  }
}

let silence;
/** Say a sentence to everybody, by the live region. */
export function say(text) {
  byId("said").textContent = text;
  clearTimeout(silence);
  silence = setTimeout(() => { byId("said").textContent = ""; }, 6000);
}

/** Run what a person asked for, and say why where it cannot be done. */
export async function attempt(work) {
  try {
    return await work();
  } catch (error) {
    say(error.message);
    return undefined;
  }
}

/** Offer a file that the application made. */
export async function keep(response, name) {
  const address = URL.createObjectURL(await response.blob());
  const link = make("a", { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}

/** Classes of a label's colour: its place among the labels. */
export function hue(labels, label) {
  const place = Math.max(0, labels.indexOf(label));
  return `g${place % COLOURS} t${Math.min(2, Math.floor(place / COLOURS))}`;
}

export const chip = (labels, label) => make("span", { className: `chip ${hue(labels, label)}`, "aria-hidden": "true" });

export function count(number, noun) {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** Fill the list of models; changed is called with the chosen one, at once and whenever it changes. */
export async function chooseModel(changed, select = byId("model")) {
  const models = await json("/api/models");
  const known = select.value || remembered();
  select.replaceChildren(...models.map((one) => make("option", { value: one.key, textContent: one.title })));
  if (models.some((one) => one.key === known)) select.value = known;
  const chosen = () => models.find((one) => one.key === select.value);
  select.onchange = () => {
    remember(select.value);
    changed(chosen(), models);
  };
  await changed(chosen(), models);
}

function remembered() {
  return sessionStorage.getItem("model") ?? "";
}

function remember(key) {
  sessionStorage.setItem("model", key);
}

function icon(playing) {
  const drawing = document.createElementNS(SVG, "svg");
  drawing.setAttribute("viewBox", "0 0 12 12");
  drawing.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", playing ? "M1 0h4v12H1zM7 0h4v12H7z" : "M2 0l10 6-10 6z");
  drawing.append(path);
  return drawing;
}

/** A round button that plays and pauses a sound. */
export function playButton(audio, name) {
  const button = make("button", { type: "button", className: "play" });
  const show = () => {
    button.replaceChildren(icon(!audio.paused));
    button.setAttribute("aria-label", `${audio.paused ? "Play" : "Pause"} ${name}`);
  };
  button.onclick = () => (audio.paused ? attempt(() => play(audio)) : audio.pause());
  for (const event of ["play", "pause", "ended"]) audio.addEventListener(event, show);
  show();
  return button;
}

export async function play(audio) {
  try {
    await audio.play();
  } catch (error) {
    if (error.name !== "AbortError") throw new Error("this sound cannot be played here");
  }
}

export function sound(key) {
  return make("audio", { src: `/audio/${key}`, preload: "none" });
}

document.addEventListener("play", (event) => {
  for (const other of playing) if (other !== event.target) other.pause();
  playing.clear();
  playing.add(event.target);
}, true);
const playing = new Set();

/** The form that corrects a label. given: model, and item or clip; was: the label before. */
export function correctForm(model, given, was, kept = () => {}) {
  const number = Math.random().toString(36).slice(2);
  const options = make("datalist", { id: `labels-${number}` }, ...model.labels.map((one) => make("option", { value: one })));
  const input = make("input", { type: "text", id: `label-${number}`, required: true, autocomplete: "off", maxLength: 100 });
  input.setAttribute("list", options.id);
  const words = make("span", { className: "kept-words" });
  const button = make("button", { type: "submit", textContent: "Correct" });
  const form = make("form", { className: "correct" },
    make("label", { for: input.id, textContent: "It is really" }), input, options, button, words);
  form.onsubmit = (event) => {
    event.preventDefault();
    attempt(async () => {
      const body = { model: model.key, label: input.value, was, ...given };
      const made = await json("/api/corrections", "PUT", body);
      const link = make("a", { href: "/corrections", textContent: `${count(made.number, "correction")}; learn anew` });
      words.replaceChildren(`Kept as ${made.label}. `, link);
      say(`Kept: ${made.label} in place of ${made.was || "no label"}.`);
      kept(made);
    });
  };
  return form;
}
