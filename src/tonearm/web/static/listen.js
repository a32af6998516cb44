// The first page: files come, are sent one by one, and each becomes a row with its label.

import { ask, attempt, byId, chip, chooseModel, correctForm, count, hue, json, keep, make, playButton, say, sound } from "./common.js";
import { player, timeline } from "./player.js";

const AT_ONCE = 2;
const MUSIC = /\.(aac|ac3|aif|aifc|aiff|ape|au|caf|flac|m4a|m4b|mka|mp3|mp4|oga|ogg|opus|rf64|snd|w64|wav|webm|wma|wv|png|jpe?g)$/i;
const TALL = 3; // probabilities that the bar of a row shows by themselves

const rows = [];
const waiting = [];
let working = 0;
let model, other;

function summary() {
  const done = rows.filter((row) => row.answer);
  const failed = rows.filter((row) => row.error);
  const unsure = done.filter((row) => row.answer.sure === false).length;
  const parts = [count(rows.length, "file")];
  if (done.length + failed.length < rows.length) parts.push(`${done.length + failed.length} done`);
  if (unsure) parts.push(`${unsure} unsure`);
  if (failed.length) parts.push(`${failed.length} cannot be used`);
  byId("summary").textContent = parts.join(", ");
  byId("result").hidden = !rows.length;
  byId("drop").classList.toggle("small", rows.length > 0);
  const labels = [...new Set(done.map((row) => row.answer.label))].sort();
  const chosen = byId("list-label").value;
  byId("list-label").replaceChildren(make("option", { value: "", textContent: "all labels" }),
    ...labels.map((one) => make("option", { value: one, textContent: one })));
  byId("list-label").value = labels.includes(chosen) ? chosen : "";
}

function addRow(name, file, item) {
  const row = { name, file, item, answer: null, error: "", element: make("li", { className: "file" }) };
  row.progress = make("progress", { max: 1, value: 0, "aria-label": `Sending ${name}` });
  row.element.append(head(row, make("span", { className: "answers" }, row.progress)));
  byId("list").append(row.element);
  rows.push(row);
  waiting.push(row);
}

function head(row, answers, extra = {}) {
  const parts = row.name.split("/");
  const name = make("span", { className: "file-name" }, parts.pop());
  if (parts.length) name.append(make("small", { textContent: parts.join("/") }));
  return make("div", { className: "file-row" }, extra.play ?? make("span"), name, answers, extra.more ?? null, extra.spread ?? null);
}

async function workOff() {
  while (waiting.length && working < AT_ONCE) {
    working += 1;
    work(waiting.shift()).finally(() => {
      working -= 1;
      summary();
      if (!waiting.length && !working) finished();
      workOff();
    });
  }
  summary();
}

function finished() {
  const done = rows.filter((row) => row.answer).length;
  say(`${count(done, "file")} done${done < rows.length ? `, ${rows.length - done} cannot be used` : ""}.`);
}

async function work(row) {
  try {
    if (!row.item) row.item = await send(row);
    row.file = null;
    row.progress.removeAttribute("value");
    row.progress.setAttribute("aria-label", `Listening to ${row.name}`);
    await answer(row);
  } catch (error) {
    fail(row, error.message);
  }
}

function fail(row, reason) {
  row.error = reason;
  row.answer = null;
  row.element.replaceChildren(head(row, make("span", { className: "answers error", textContent: `cannot be used: ${reason}` })));
}

function send(row) {
  return new Promise((done, failed) => {
    const request = new XMLHttpRequest(); // which, unlike fetch, tells how much of a file has gone
    const form = new FormData();
    form.append("file", row.file, row.name);
    request.open("POST", "/api/uploads");
    request.responseType = "json";
    request.upload.onprogress = (event) => {
      if (event.lengthComputable) row.progress.value = event.loaded / event.total;
    };
    request.onload = () => (request.status === 200 ? done(request.response[0])
      : failed(new Error(request.response?.error ?? `the application answered ${request.status}`)));
    request.onerror = () => failed(new Error("it could not be sent: it is too large, or tonearm was stopped"));
    request.send(form);
  });
}

async function answer(row) {
  const found = await json(`/api/answer/${row.item.key}?model=${model.key}`);
  if (found.error) return fail(row, found.error);
  row.answer = found;
  row.error = "";
  row.second = null;
  if (other) {
    const second = await json(`/api/answer/${row.item.key}?model=${other.key}`);
    row.second = second.error ? null : second;
  }
  draw(row);
  return undefined;
}

function words(found, by, against) {
  const element = make("span", { className: "answer" });
  if (against) element.append(make("span", { className: "of", textContent: by.title }));
  element.append(chip(by.labels, found.label), make("b", { textContent: found.label }),
    make("span", { className: "number", textContent: found.probability.toFixed(2) }));
  if (found.sure === false) element.append(make("span", { className: "unsure", textContent: "unsure" }));
  if (against && against.label !== found.label) element.append(make("span", { className: "differs", textContent: "differs" }));
  return element;
}

function draw(row) {
  const open = Boolean(row.more?.isConnected);
  row.audio?.pause();
  row.audio = sound(row.item.key);
  const answers = make("span", { className: "answers" }, words(row.answer, model, row.second));
  if (row.second) answers.append(words(row.second, other, row.answer));
  const more = make("button", { type: "button", className: "opens", textContent: "More", "aria-expanded": "false" });
  more.setAttribute("aria-label", `More on ${row.name}`);
  row.more = make("div", { className: "more" });
  more.onclick = () => toggle(row, more);
  row.element.replaceChildren(head(row, answers, { play: playButton(row.audio, row.name), more, spread: spread(row.answer) }));
  if (open || rows.length === 1) toggle(row, more);
}

function ranked(found) {
  return Object.entries(found.probabilities).sort((one, two) => two[1] - one[1]);
}

function spread(found) {
  const bar = make("span", { className: "spread", "aria-hidden": "true" });
  for (const [label, value] of ranked(found).slice(0, TALL)) {
    const part = make("i", { className: hue(model.labels, label) });
    part.style.flex = `${value} 0 0`;
    bar.append(part);
  }
  const rest = make("i", { className: "rest" });
  rest.style.flex = `${ranked(found).slice(TALL).reduce((sum, one) => sum + one[1], 0)} 0 0`;
  bar.append(rest);
  return bar;
}

function toggle(row, button) {
  const open = button.getAttribute("aria-expanded") !== "true";
  button.setAttribute("aria-expanded", String(open));
  button.textContent = open ? "Less" : "More";
  if (!open) {
    row.more.remove();
    return;
  }
  row.element.append(row.more);
  if (!row.more.childElementCount) fill(row);
}

function fill(row) {
  const shown = player(row.item, row.audio);
  const columns = make("div", { className: "columns" }, bars(row.answer, model, Boolean(row.second)));
  if (row.second) columns.append(bars(row.second, other, true));
  columns.append(near(row.answer));
  const was = row.answer.label;
  row.more.append(shown.panel, columns, make("div", {}, make("h3", { textContent: "Is the label wrong?" }),
    model.why ? make("p", { className: "soft", textContent: `Corrections are not kept for this model: ${model.why}.` })
      : correctForm(model, { item: row.item.key }, was)));
  timeline(row.item, model, shown, Boolean(row.second))
    .then(() => (row.second ? timeline(row.item, other, shown, true) : undefined));
}

function bars(found, by, named) {
  const list = make("dl", { className: "bars" });
  for (const [label, value] of ranked(found)) {
    const bar = make("i", { className: hue(by.labels, label) });
    bar.style.width = `${100 * value}%`;
    list.append(make("dt", { textContent: label }), make("dd", { className: "track", "aria-hidden": "true" }, bar),
      make("dd", { textContent: value.toFixed(3) }));
  }
  const title = named ? `Probabilities by ${by.title}` : "Probabilities";
  const doubt = found.sure === false
    ? make("p", { className: "soft", textContent: `Unsure: ${by.doubt || "of answers as probable as this, too few were right in validation"}.` }) : null;
  return make("section", {}, make("h3", { textContent: title }), list, doubt);
}

function near(found) {
  const list = make("ol", { className: "near" });
  for (const one of found.neighbours) {
    const audio = one.key ? sound(one.key) : null;
    const facts = [one.label, one.group, one.relative === null ? "" : `${one.relative.toFixed(2)} × the usual distance`];
    list.append(make("li", {}, audio ? playButton(audio, one.name) : make("span"), make("span", { className: "words" },
      one.name, make("br"), make("small", {}, chip(model.labels, one.label), ` ${facts.filter(Boolean).join(" · ")}`))));
  }
  const missing = `Not known for this model: ${found.why}.`;
  return make("section", {}, make("h3", { textContent: "Nearest in training" }),
    list.childElementCount ? list : make("p", { className: "soft", textContent: missing }));
}

async function entries(transfer) {
  const found = [];
  const roots = [...transfer.items].map((one) => one.webkitGetAsEntry?.()).filter(Boolean);
  if (!roots.length) return [...transfer.files].map((file) => [file.name, file]);
  const walk = async (entry) => {
    if (entry.isFile) {
      const file = await new Promise((done, failed) => entry.file(done, failed));
      found.push([entry.fullPath.replace(/^\//, ""), file]);
      return;
    }
    const reader = entry.createReader();
    for (;;) {
      const some = await new Promise((done, failed) => reader.readEntries(done, failed));
      if (!some.length) return;
      for (const one of some) await walk(one);
    }
  };
  for (const root of roots) await walk(root);
  return found;
}

function take(files) {
  const music = files.filter(([name]) => MUSIC.test(name));
  for (const [name, file] of music) addRow(name, file, null);
  if (music.length < files.length) say(`${count(files.length - music.length, "file")} without music left out.`);
  workOff();
}

function connect() {
  const drop = byId("drop");
  for (const event of ["dragover", "dragenter"]) {
    document.addEventListener(event, (one) => { one.preventDefault(); drop.classList.add("over"); });
  }
  document.addEventListener("dragleave", (one) => { if (!one.relatedTarget) drop.classList.remove("over"); });
  document.addEventListener("drop", (one) => {
    one.preventDefault();
    drop.classList.remove("over");
    attempt(async () => take(await entries(one.dataTransfer)));
  });
  for (const id of ["files", "folder"]) {
    byId(id).onchange = () => {
      take([...byId(id).files].map((file) => [file.webkitRelativePath || file.name, file]));
      byId(id).value = "";
    };
  }
  byId("path-form")?.addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(async () => {
      for (const item of await json("/api/music", "POST", { path: byId("path").value })) addRow(item.name, null, item);
      workOff();
    });
  });
  byId("csv").onclick = () => save("csv", "answers.csv");
  byId("m3u8").onclick = () => save("m3u8", `${byId("list-label").value || "all"}.m3u8`);
  byId("plan")?.addEventListener("click", () => save("plan", "plan.jsonl"));
  byId("clear").onclick = clear;
}

function save(format, name) {
  attempt(async () => {
    const items = rows.filter((row) => row.answer).map((row) => row.item.key);
    const body = { format, model: model.key, items, label: format === "m3u8" ? byId("list-label").value : "" };
    await keep(await ask("/api/export", "POST", body), name);
    say(`Saved ${name}.`);
  });
}

function clear() {
  waiting.length = 0;
  for (const row of rows.splice(0)) {
    row.audio?.pause();
    if (row.item?.kind === "upload") attempt(() => ask(`/api/uploads/${row.item.key}`, "DELETE"));
  }
  byId("list").replaceChildren();
  summary();
}

async function changed(chosen, models) {
  model = chosen;
  const select = byId("other");
  const kept = select.value;
  select.replaceChildren(make("option", { value: "", textContent: "no other" }),
    ...models.filter((one) => one.key !== model.key).map((one) => make("option", { value: one.key, textContent: one.title })));
  if (models.some((one) => one.key === kept && kept !== model.key)) select.value = kept;
  other = models.find((one) => one.key === select.value);
  select.onchange = () => {
    other = models.find((one) => one.key === select.value);
    again();
  };
  again();
}

function again() {
  for (const row of rows) if (row.item && !waiting.includes(row)) waiting.push(row);
  workOff();
}

connect();
attempt(() => chooseModel(changed));
