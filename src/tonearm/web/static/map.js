// The map: dots to hear and to draw around, and the list of the same clips for the keyboard.

import { ask, attempt, byId, chip, chooseModel, correctForm, count, hue, json, keep, make, play, say, sound } from "./common.js";

const MARGIN = 14, NEAR = 14, SHOWN = 100; // pixels, pixels, clips in the list
const canvas = byId("map");
let model, points;
let chosen = new Set();
let lasso = null, over = -1, current = -1, audio = null;

async function load() {
  byId("clip").hidden = true;
  say("Placing the clips …");
  points = await json(`/api/map?model=${model.key}&method=${byId("method").value}`);
  points.kinds = [...new Set(points.labels)].sort();
  const order = model.labels;
  points.hues = points.labels.map((label) => hue(order, label));
  chosen = new Set();
  over = current = -1;
  const kept = points.kept === null ? "" : ` (PCA: they keep ${Math.round(100 * points.kept)} % of the variance)`;
  byId("kept").textContent = kept;
  say(`${count(points.names.length, "clip")} placed.`);
  legend();
  list();
  draw();
}

function legend() {
  byId("legend").replaceChildren(...points.kinds.map((label) => {
    const members = places((place) => points.labels[place] === label);
    const button = make("button", { type: "button", "aria-pressed": "false" }, chip(model.labels, label), `${label} ${members.length}`);
    button.onclick = () => {
      const all = members.every((place) => chosen.has(place));
      for (const place of members) all ? chosen.delete(place) : chosen.add(place);
      selected();
    };
    button.members = members;
    return button;
  }));
}

const places = (wanted) => [...points.names.keys()].filter(wanted);

function size() {
  const box = canvas.getBoundingClientRect();
  return { width: box.width, height: box.height };
}

function at(place) {
  const { width, height } = size();
  return [MARGIN + points.x[place] * (width - 2 * MARGIN), MARGIN + (1 - points.y[place]) * (height - 2 * MARGIN)];
}

function draw() {
  if (!points) return;
  const { width, height } = size();
  const scale = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const pen = canvas.getContext("2d");
  pen.scale(scale, scale);
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  const radius = points.names.length > 3000 ? 2 : points.names.length > 600 ? 3.2 : 5;
  for (const place of points.names.keys()) {
    const [x, y] = at(place);
    const [hueClass, turn] = points.hues[place].split(" ");
    pen.globalAlpha = chosen.size && !chosen.has(place) ? 0.3 : 1;
    pen.fillStyle = pen.strokeStyle = colour(`--s${hueClass.slice(1)}`);
    pen.lineWidth = 1.6;
    shape(pen, x, y, radius, turn);
  }
  pen.globalAlpha = 1;
  for (const place of [over, current]) if (place >= 0) ring(pen, ...at(place), radius + 4, colour("--ink"));
  if (lasso && lasso.length > 1) outline(pen, colour("--ink"));
}

function shape(pen, x, y, radius, turn) {
  pen.beginPath();
  if (turn === "t2") pen.rect(x - radius, y - radius, 2 * radius, 2 * radius);
  else pen.arc(x, y, radius, 0, 2 * Math.PI);
  if (turn === "t1") {
    pen.stroke();
    pen.globalAlpha *= 0.35;
  }
  pen.fill();
}

function ring(pen, x, y, radius, colour) {
  pen.strokeStyle = colour;
  pen.lineWidth = 2;
  pen.beginPath();
  pen.arc(x, y, radius, 0, 2 * Math.PI);
  pen.stroke();
}

function outline(pen, colour) {
  pen.strokeStyle = colour;
  pen.setLineDash([5, 4]);
  pen.beginPath();
  lasso.forEach(([x, y], number) => (number ? pen.lineTo(x, y) : pen.moveTo(x, y)));
  pen.closePath();
  pen.stroke();
  pen.setLineDash([]);
}

function nearest(x, y) {
  let best = -1, least = NEAR * NEAR;
  for (const place of points.names.keys()) {
    const [one, two] = at(place);
    const distance = (one - x) ** 2 + (two - y) ** 2;
    if (distance < least) [best, least] = [place, distance];
  }
  return best;
}

function inside([x, y]) {
  let odd = false;
  for (let one = 0, other = lasso.length - 1; one < lasso.length; other = one++) {
    const [ax, ay] = lasso[one], [bx, by] = lasso[other];
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) odd = !odd;
  }
  return odd;
}

function position(event) {
  const box = canvas.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
}

canvas.onpointerdown = (event) => {
  if (!points) return;
  canvas.setPointerCapture(event.pointerId);
  lasso = [position(event)];
};

canvas.onpointermove = (event) => {
  if (!points) return;
  const here = position(event);
  if (lasso) {
    lasso.push(here);
  } else {
    const found = nearest(...here);
    if (found === over) return;
    over = found;
    tip();
  }
  draw();
};

canvas.onpointerleave = () => { over = -1; tip(); draw(); };

canvas.onpointerup = (event) => {
  if (!lasso) return;
  const here = position(event);
  const drawn = Math.max(...lasso.map(([x, y]) => Math.hypot(x - lasso[0][0], y - lasso[0][1])));
  if (drawn < 6) {
    lasso = null;
    const found = nearest(...here);
    if (found >= 0) show(found, true);
  } else {
    if (!event.shiftKey) chosen = new Set();
    for (const place of places((one) => inside(at(one)))) chosen.add(place);
    lasso = null;
    selected();
  }
  draw();
};

function tip() {
  const element = byId("tip");
  element.hidden = over < 0;
  if (over < 0) return;
  element.textContent = `${points.names[over]} · ${points.labels[over]}`;
  const [x, y] = at(over);
  element.style.left = `${Math.min(x + 12, size().width * 0.6)}px`;
  element.style.top = `${y + 14}px`;
}

async function show(place, heard) {
  current = place;
  audio?.pause();
  const name = points.names[place], label = points.labels[place];
  const card = byId("clip");
  const facts = [label, points.groups[place]].filter(Boolean).join(" · ");
  const title = make("p", {}, chip(model.labels, label), " ", make("strong", { textContent: name }), make("br"), facts);
  card.hidden = false;
  card.replaceChildren(title);
  draw();
  await attempt(async () => {
    const item = await json(`/api/clip?model=${model.key}&name=${encodeURIComponent(name)}`);
    audio = sound(item.key);
    audio.controls = true;
    card.append(audio, correctForm(model, { clip: name }, label));
    if (heard) await play(audio);
  });
}

function selected() {
  byId("chosen").textContent = count(chosen.size, "clip");
  byId("save").disabled = byId("none").disabled = !chosen.size;
  for (const button of byId("legend").children) {
    button.setAttribute("aria-pressed", String(button.members.every((place) => chosen.has(place))));
  }
  for (const box of byId("clips").querySelectorAll("input")) box.checked = chosen.has(Number(box.value));
  say(`${count(chosen.size, "clip")} selected.`);
  draw();
}

function matching() {
  const wanted = byId("filter").value.trim().toLowerCase();
  const text = (place) => `${points.names[place]} ${points.labels[place]} ${points.groups[place]}`.toLowerCase();
  return places((place) => text(place).includes(wanted));
}

function list() {
  const found = matching();
  const more = found.length > SHOWN ? `, the first ${SHOWN} are listed` : "";
  byId("found").textContent = `${count(found.length, "clip")}${more}`;
  byId("all").disabled = !found.length;
  byId("clips").replaceChildren(...found.slice(0, SHOWN).map((place) => {
    const box = make("input", { type: "checkbox", value: String(place), checked: chosen.has(place) });
    box.onchange = () => {
      box.checked ? chosen.add(place) : chosen.delete(place);
      selected();
    };
    const words = make("span", {}, chip(model.labels, points.labels[place]), ` ${points.names[place]}`);
    const hear = make("button", { type: "button", textContent: "Hear", "aria-label": `Hear ${points.names[place]}` });
    hear.onclick = () => show(place, true);
    return make("li", {}, make("label", {}, box, words), hear);
  }));
}

byId("filter").oninput = () => points && list();
byId("all").onclick = () => {
  for (const place of matching()) chosen.add(place);
  selected();
};
byId("none").onclick = () => {
  chosen = new Set();
  selected();
};
byId("save").onclick = () => attempt(async () => {
  const clips = [...chosen].sort((one, two) => one - two).map((place) => points.names[place]);
  await keep(await ask("/api/playlist", "POST", { model: model.key, clips }), "map.m3u8");
  say(`Saved map.m3u8 with ${count(clips.length, "clip")}.`);
});
byId("method").onchange = () => attempt(load);
new ResizeObserver(draw).observe(canvas);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
attempt(() => chooseModel((one) => {
  model = one;
  return attempt(load);
}));
