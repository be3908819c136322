// report.html: the charts and lists of the page, out of the data that the file carries.

import { alarmList, decisionTable, letterTable } from "./decisions.js";
import { el, fill } from "./dom.js";
import { flagsOf, ledgerEntry } from "./ledger.js";
import { Parameters } from "./parameters.js";
import { Plots, chartData } from "./plots.js";

const report = JSON.parse(document.getElementById("data").textContent);
const place = (id) => document.getElementById(id);
const whole = el("button", { type: "button", class: "screen", hidden: true, onclick: () => draw(report.series.from, report.series.to) }, "Whole run");
const parameters = new Parameters();
const plots = new Plots((from, to) => draw(from, to));

place("charts").append(...plots.elements);
place("charts").before(whole);
if (report.series) draw(report.series.from, report.series.to);
else plots.draw({ series: { empty: "Nothing was simulated" }, accuracy: { empty: "Nothing was scored" } });

list("ledger", report.events, report.counts.events, "No events.", (events) =>
  el("div", { class: "scroll tall", tabindex: "0", role: "region", "aria-label": "Ledger" }, el("ol", { class: "timeline" }, events.map((event) => ledgerEntry(event)))));
place("decisions").before(parameters.element);
parameters.show(report.decisions, report.host_groups);
list("decisions", report.decisions, report.counts.decisions, "No decisions.", (decisions) => decisionTable(decisions, report.host_groups));
list("alarms", report.alarms, report.counts.alarms, "No alarms.", alarmList);
list("letters", report.letters, report.counts.letters, "None: everything could be processed.", letterTable);

function draw(from, to) {
  whole.hidden = from === report.series.from && to === report.series.to;
  plots.draw(chartData({ ...report.series, from, to }, report.accuracy, flagsOf(report.events)));
}

function list(id, entries, count, none, show) {
  const more = count > entries.length ? el("p", { class: "note" }, `The newest ${entries.length} of ${count.toLocaleString("en")}; the topics and the twinning log have all.`) : null;
  fill(place(id), entries.length ? [more, show(entries)] : el("p", { class: "note" }, none));
}
