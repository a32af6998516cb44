// Corrections that are kept, and the training that learns them: start, watch, stop, compare.

import { ask, attempt, byId, chooseModel, count, json, make, say } from "./common.js";

const SECONDS = 1.5; // between two looks at a training
const STATES = {
  none: "",
  running: "Learning …",
  stopped: "Stopped; what is finished is kept, and the next start goes on from there.",
  failed: "It failed; the last lines say why.",
  done: "Learned. The models are in the list of models now.",
};
let model, timer, last;

async function look() {
  clearTimeout(timer);
  const found = await json(`/api/corrections?model=${model.key}`);
  const number = found.rows.length;
  byId("why").hidden = !found.why;
  byId("why").textContent = found.why ? `This model cannot learn anew: ${found.why}.` : "";
  byId("kept").hidden = !number;
  byId("where").textContent = `In ${found.folder}/metadata.csv.`;
  byId("rows").replaceChildren(...found.rows.map(row));
  byId("learn").hidden = Boolean(found.why) || (!number && found.learning.state === "none");
  if (!number && !found.why) byId("lead").textContent =
    "None yet: correct a label while listening or on the map. Corrections are kept beside the experiment, whose own files stay as they are.";
  if (found.learning) training(found.learning, number);
}

function row(one) {
  const back = make("button", { type: "button", textContent: "Take back", "aria-label": `Take back the label of ${one.name}` });
  back.onclick = () => attempt(async () => {
    await ask("/api/corrections", "DELETE", { model: model.key, name: one.name });
    say(`Taken back: ${one.name}.`);
    await look();
  });
  return make("tr", {}, make("td", { className: "text", textContent: one.name }),
    make("td", { className: "text", textContent: one.was || "–" }),
    make("td", { className: "text" }, make("strong", { textContent: one.label })), make("td", {}, back));
}

function training(learning, number) {
  const running = learning.state === "running";
  byId("start").hidden = running;
  byId("stop").hidden = !running;
  byId("start").disabled = !number;
  byId("start").textContent = `${count(number, "correction")}; ${learning.state === "stopped" ? "go on" : "learn anew"}`;
  const changed = learning.state === "done" && learning.new ? ` Since then corrections have changed (it learned ${learning.learned}).` : "";
  byId("state").textContent = STATES[learning.state] + changed;
  byId("lines").hidden = !learning.lines.length;
  byId("lines").textContent = learning.lines.join("\n");
  boards(learning);
  if (last === "running" && !running) {
    say(STATES[learning.state]);
    if (learning.state === "done") attempt(() => chooseModel((one) => { model = one; }));
  }
  last = learning.state;
  if (running) timer = setTimeout(() => attempt(look), 1000 * SECONDS);
}

function boards(learning) {
  const parts = [];
  if (learning.before && learning.after) {
    const known = new Map(learning.before.rows.map((one) => [one.model, one]));
    const both = learning.after.rows.filter((one) => known.has(one.model));
    const rows = both.map((one) => {
      const before = known.get(one.model);
      const cells = [before.valid, one.valid, before.test, one.test].map((value) => make("td", { textContent: share(value) }));
      return make("tr", {}, make("th", { scope: "row", textContent: one.model }), ...cells);
    });
    const head = make("tr", {}, ...["", "valid before", "after", "test before", "after"].map((words) => make("th", { scope: "col", textContent: words })));
    parts.push(make("div", { className: "box" }, make("table", { className: "plain" }, make("caption", { className: "soft",
      textContent: "Accuracy before and after. Corrected clips may be in the test too, and added ones in any part, so the two were not asked quite the same." }),
      make("thead", {}, head), make("tbody", {}, ...rows))));
  }
  byId("boards").replaceChildren(...parts);
}

const share = (value) => (value === null || value === undefined ? "–" : value.toFixed(3));

byId("start").onclick = () => attempt(async () => {
  const name = model.name;
  await json("/api/learn", "POST", { model: model.key, action: "start", models: byId("alone").checked ? [name] : [] });
  say("Learning has begun.");
  await look();
});
byId("stop").onclick = () => attempt(async () => {
  say("Stopping …");
  await json("/api/learn", "POST", { model: model.key, action: "stop" });
  await look();
});
attempt(() => chooseModel((one) => {
  model = one;
  return attempt(look);
}));
