// The ledger's pages, and differences on demand.

import { get, ofDatacenter } from "./api.js";
import { el, fill } from "./dom.js";
import { PEOPLE, byPeople, flagsOf, ledgerEntry } from "./ledger.js";

const PAGE = 12;
const MOST = 200;

export class LedgerView {
  constructor(range) {
    this.range = range;
    this.list = document.getElementById("ledger");
    this.older = document.getElementById("older");
    this.people = document.getElementById("people");
    this.next = null;
    this.flags = [];
    this.older.addEventListener("click", () => this.append());
  }

  page(cursor, limit = PAGE) {
    const kind = this.people.checked ? PEOPLE : null;
    return get(ofDatacenter(this.range.datacenter, "topology/events"), { limit, brief: true, cursor, kind });
  }

  // As many as are shown already; what was opened stays open.
  async load() {
    const limit = Math.min(MOST, Math.max(PAGE, this.list.childElementCount));
    const [found, people] = await Promise.all([this.page(null, limit), get(ofDatacenter(this.range.datacenter, "topology/events"), { limit: MOST, brief: true, kind: PEOPLE, branch: "main" })]);
    this.flags = flagsOf(people.events);
    const kept = new Map([...this.list.querySelectorAll("[data-event]:has(details[open])")].map((item) => [item.dataset.event, item]));
    fill(this.list, found.events.length ? found.events.map((event) => kept.get(event.id) ?? this.entry(event)) : el("li", { class: "empty" }, "No events yet"));
    this.following(found.next);
  }

  async append() {
    const found = await this.page(this.next);
    const first = found.events.map((event) => this.list.appendChild(this.entry(event)))[0];
    this.following(found.next);
    first?.setAttribute("tabindex", "-1");
    first?.focus();
  }

  following(next) {
    this.next = next;
    this.older.hidden = next === null;
  }

  entry(event) {
    return ledgerEntry(event, async () => {
      const found = await get(ofDatacenter(this.range.datacenter, `topology/events/${event.id}/diff`));
      return [byPeople(event) ? "" : el("ul", { class: "changes" }, found.changes.map((line) => el("li", {}, line))), el("pre", { class: "patch" }, JSON.stringify(found.patch, null, 1))];
    });
  }
}
