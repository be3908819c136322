// Posting a topology event: on top of the head that was seen, with a reason; the answer is what became of it.

import { ApiError, ofDatacenter, request } from "./api.js";
import { el, fill } from "./dom.js";
import { brief, moment } from "./format.js";

const byId = (id) => document.getElementById(id);

export class Editor {
  constructor(range, onWritten) {
    this.range = range;
    this.onWritten = onWritten;
    this.dialog = byId("editor");
    this.form = this.dialog.querySelector("form");
    this.drafts = { patch: "", topology: "" };
    byId("edit").addEventListener("click", () => this.open());
    byId("editor-close").addEventListener("click", () => this.dialog.close());
    this.form.addEventListener("change", (event) => event.target.name === "form" && this.turn());
    this.form.addEventListener("submit", (event) => { event.preventDefault(); this.send(); });
  }

  get kind() {
    return this.form.elements.form.value;
  }

  async open() {
    fill(byId("editor-answer"));
    byId("editor-reason").value = "";
    this.dialog.showModal();
    await this.attempt(async () => {
      await this.loadHead();
      this.drafts = { patch: example(this.topology), topology: JSON.stringify(this.topology, null, 2) };
      this.shown = this.kind;
      byId("editor-text").value = this.drafts[this.kind];
    });
  }

  async loadHead() {
    const answer = await request(ofDatacenter(this.range.datacenter, "topology"));
    this.head = answer.headers.get("ETag");
    this.topology = (await answer.json()).topology;
    fill(byId("editor-head"), brief(this.head.replaceAll('"', "")));
    fill(byId("editor-now"), JSON.stringify(this.topology, null, 2));
  }

  turn() {
    this.drafts[this.shown] = byId("editor-text").value;
    this.shown = this.kind;
    byId("editor-text").value = this.drafts[this.kind];
    fill(byId("editor-label"), this.kind === "patch" ? "JSON Patch (RFC 6902)" : "Whole topology (OpenDC’s form)");
  }

  send() {
    return this.attempt(async () => {
      const body = { [this.kind]: JSON.parse(byId("editor-text").value), reason: byId("editor-reason").value };
      const sent = JSON.stringify([this.head, body]);
      if (this.sent !== sent) [this.sent, this.key] = [sent, crypto.getRandomValues(new Uint32Array(4)).join("-")]; // sent again, it changes the topology once
      const headers = { "If-Match": this.head, "Idempotency-Key": this.key };
      const answer = await request(ofDatacenter(this.range.datacenter, "topology/events"), { body, headers });
      const written = await answer.json();
      this.head = `"${written.head}"`;
      this.say("good", outcome(written));
      this.onWritten();
      await this.loadHead();
    });
  }

  async attempt(what) {
    const button = this.form.querySelector(".primary");
    button.disabled = true;
    try {
      await what();
    } catch (error) {
      if (error instanceof ApiError && error.status === 412) this.stale(error.problem);
      else if (error instanceof ApiError || error instanceof SyntaxError || error instanceof TypeError) this.say("bad", [el("p", {}, error instanceof SyntaxError ? `No JSON: ${error.message}` : error.message)]);
      else throw error;
    } finally {
      button.disabled = false;
    }
  }

  // Others were faster: what they changed, and the way on.
  stale(problem) {
    const since = (problem.since ?? []).map((event) => el("li", {}, el("strong", {}, event.actor), ` ${event.kind}: ${event.reason} `, el("ul", { class: "changes" }, event.changes.map((line) => el("li", {}, line)))));
    const again = async () => {
      await this.attempt(async () => {
        await this.loadHead();
        this.drafts.topology = JSON.stringify(this.topology, null, 2);
        if (this.kind === "topology") byId("editor-text").value = this.drafts.topology;
        this.say("", [el("p", {}, this.kind === "topology" ? "This is the new head: make your change again." : "Your patch now applies to the new head.")]);
      });
      byId("editor-text").focus();
    };
    this.say("bad", [el("p", {}, "Others were faster. Nothing was changed. Since the event that you saw:"), el("ul", {}, since), el("button", { type: "button", onclick: again }, "Go on from the new head")]);
  }

  say(tone, parts) {
    fill(byId("editor-answer"), el("div", { class: `answer ${tone}` }, parts));
  }
}

function outcome(written) {
  const from = written.effective ? `Windows use it from ${moment(written.effective)} UTC on.`
    : written.complete ? "The run is over: no window will use it." : `Windows use it from ${written.earliest ? `${moment(written.earliest)} UTC` : "the next publication instant"} on, at the earliest.`;
  return [el("p", {}, el("strong", {}, `${written.verdict}: `), `event ${brief(written.event)}. ${from}`), el("ul", { class: "changes" }, written.changes.map((line) => el("li", {}, line)))];
}

function example(topology) {
  const count = topology?.clusters?.[0]?.hosts?.[0]?.count ?? 1;
  return JSON.stringify([{ op: "replace", path: "/clusters/0/hosts/0/count", value: count }], null, 2);
}
