// The ledger as a time line: who, when, why, what became of it.

import { el } from "./dom.js";
import { brief, moment } from "./format.js";

const SHOWN_CHANGES = 6;
export const PEOPLE = ["edited", "reverted", "branched"]; // kinds of events

export const byPeople = (event) => PEOPLE.includes(event.kind);

// Where charts show that somebody changed something.
export const flagsOf = (events) =>
  events.filter((event) => byPeople(event) && event.effective).map((event) => ({ time: Date.parse(event.effective), text: `${event.actor}: ${event.reason}` }));

// `more(event)`, where there is one, gives what is shown on demand: a promise of elements. Machines write every hour, and take one line.
export function ledgerEntry(event, more = null) {
  const accepted = event.accepted ? "accepted" : "rejected";
  const person = byPeople(event);
  const changes = event.changes ?? [];
  const recorded = event.recorded ? `recorded ${moment(event.recorded)} (wall clock)` : null;
  const effective = event.effective ? `effective from ${moment(event.effective)}` : event.accepted ? "not used by any window yet" : null;
  const title = person ? "As JSON Patch" : changes.length === 1 ? "1 value changed" : `${changes.length} values changed`;
  return el("li", { class: `event ${accepted} ${person ? "person" : "machine"}`, "data-event": event.id },
    el("div", { class: "head" },
      el("strong", {}, event.actor), el("span", { class: "tag" }, event.kind), event.branch === "main" ? null : el("span", { class: "tag" }, event.branch),
      el("span", { class: `verdict ${accepted}` }, accepted), el("code", { title: event.id }, brief(event.id)),
      el("span", { class: "when" }, [effective, recorded].filter(Boolean).join(" · "))),
    person || event.reason !== event.kind ? el("p", { class: "reason" }, event.reason || "no reason given") : null,
    event.accepted ? null : el("p", { class: "why" }, event.verdict),
    person && changes.length ? lines(changes) : null,
    event.parent && event.accepted && (more || !person) ? onDemand(title, more ? () => more(event) : async () => [lines(changes, Infinity)]) : null);
}

function lines(changes, most = SHOWN_CHANGES) {
  return el("ul", { class: "changes" }, changes.slice(0, most).map((line) => el("li", {}, line)), changes.length > most ? el("li", { class: "note" }, `and ${changes.length - most} more`) : null);
}

function onDemand(title, load) {
  const place = el("div");
  let asked = false;
  const open = async (toggled) => {
    if (!toggled.target.open || asked) return;
    asked = true;
    place.replaceChildren(el("p", { class: "note" }, "Loading …"));
    try {
      place.replaceChildren(...(await load()));
    } catch (error) {
      asked = false;
      place.replaceChildren(el("p", { class: "why" }, error.message));
    }
  };
  return el("details", { ontoggle: open }, el("summary", {}, title), place);
}
