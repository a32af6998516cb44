// Leaderboards of the experiments, and the way to their reports.

import { attempt, byId, json, make } from "./common.js";

const share = (value) => (value === null || value === undefined ? "–" : value.toFixed(3));

const capital = (text) => `${text[0].toUpperCase()}${text.slice(1)}.`;

function bounds([low, high]) {
  return low === null || high === null || low === high ? "" : `${share(low)} to ${share(high)}`;
}

function row(one) {
  const cells = one.error ? [make("td", { className: "text", colSpan: 3, textContent: `failed: ${one.error}` })]
    : [share(one.valid), share(one.test), bounds(one.interval)].map((words) => make("td", { textContent: words }));
  return make("tr", {}, make("th", { scope: "row", textContent: one.model }), ...cells);
}

function experiment(one, number) {
  const head = make("tr", {}, ...["model", "valid", "test", "95 %"].map((words) => make("th", { scope: "col", textContent: words })));
  const report = one.report ? make("a", { href: `/report/${number}`, textContent: "Read its report" })
    : make("span", { className: "soft" }, "No report yet; ", make("code", { textContent: `tonearm report ${one.path}` }), " writes it.");
  const parts = [make("h2", { textContent: one.name }), make("p", {}, report)];
  if (one.board) parts.push(make("p", { className: "verdict", textContent: capital(one.board.verdict) }), make("p", { className: "soft", textContent: capital(one.board.split) }),
    make("div", { className: "box" }, make("table", {}, make("thead", {}, head), make("tbody", {}, ...one.board.rows.map(row)))));
  return make("section", {}, ...parts);
}

attempt(async () => {
  const found = await json("/api/experiments");
  byId("experiments").replaceChildren(...found.map(experiment));
  if (!found.length) byId("experiments").textContent = "The models here are copied run folders; their experiments are not here.";
});
