// Which part of event time is looked at: a preset that ends at the newest window, or from and to. It lives in the URL.

const HOUR_MS = 3_600_000;
const PRESETS = { "6h": 6 * HOUR_MS, "24h": 24 * HOUR_MS, "7d": 168 * HOUR_MS, all: null };
const RESOLUTIONS = [["30s", 30_000], ["1m", 60_000], ["2m", 120_000], ["5m", 300_000], ["10m", 600_000], ["15m", 900_000], ["30m", 1_800_000], ["1h", HOUR_MS], ["2h", 2 * HOUR_MS], ["6h", 6 * HOUR_MS], ["1d", 24 * HOUR_MS]];
const POINTS = 360;

export class Range {
  constructor(onChange) {
    this.onChange = onChange;
    this.form = document.getElementById("range");
    this.from = document.getElementById("from");
    this.to = document.getElementById("to");
    this.followed = document.getElementById("follow");
    this.read();
    this.mark();
    this.form.addEventListener("submit", (event) => { event.preventDefault(); this.pickTyped(); });
    for (const button of this.buttons()) button.addEventListener("click", () => this.pick({ preset: button.dataset.preset, follow: true }));
    this.followed.addEventListener("change", () => this.pick(this.followed.checked ? { preset: this.preset ?? this.last ?? "24h", follow: true } : { follow: false }));
    for (const input of [this.from, this.to]) input.addEventListener("input", () => { this.typing = true; this.to.setCustomValidity(""); });
    addEventListener("popstate", () => { this.read(); this.onChange(); });
  }

  buttons() {
    return this.form.querySelectorAll("[data-preset]");
  }

  read() {
    const asked = new URLSearchParams(location.search);
    const [from, to] = [Date.parse(asked.get("from") ?? ""), Date.parse(asked.get("to") ?? "")];
    this.datacenter = asked.get("dc");
    this.cluster = asked.get("cluster") ?? "";
    this.fixed = from < to ? { from, to } : null;
    this.preset = this.fixed ? null : asked.get("range") in PRESETS ? asked.get("range") : "24h";
    this.follow = !this.fixed;
  }

  write() {
    const parameters = new URLSearchParams();
    if (this.datacenter) parameters.set("dc", this.datacenter);
    if (this.cluster) parameters.set("cluster", this.cluster);
    if (this.fixed) {
      parameters.set("from", iso(this.fixed.from));
      parameters.set("to", iso(this.fixed.to));
    } else parameters.set("range", this.preset);
    if (`?${parameters}` !== location.search) history.pushState(null, "", `?${parameters}`);
  }

  // A part of event time that stands still.
  pickFixed(from, to) {
    this.pick({ fixed: { from: Math.round(from / 60_000) * 60_000, to: Math.ceil(to / 60_000) * 60_000 }, follow: false });
  }

  pickTyped() {
    const [from, to] = [Date.parse(`${this.from.value}Z`), Date.parse(`${this.to.value}Z`)];
    this.to.setCustomValidity(from < to ? "" : "The end lies after the beginning");
    if (this.form.reportValidity()) this.pickFixed(from, to);
  }

  pick({ preset = null, fixed = null, follow }) {
    if (!follow && !fixed) fixed = this.shown && { from: this.shown.from, to: this.shown.to };
    if (!follow && !fixed) return;
    this.last = preset ?? this.preset ?? this.last;
    Object.assign(this, { preset: fixed ? null : preset, fixed, follow, typing: false });
    this.write();
    this.onChange();
  }

  // From and to in milliseconds, and a resolution that gives some hundred points. `state` is the API's.
  bounds(state) {
    const newest = Date.parse(state.newest_window_end ?? "") || 0;
    const first = Date.parse(state.first_window ?? "") || newest - HOUR_MS;
    const end = this.preset === "all" ? newest : Math.min(newest, lastHeard(state) ?? newest);
    const { from, to } = this.fixed ?? { from: Math.max(first, end - (PRESETS[this.preset] ?? end - first)), to: end };
    const [resolution, resolution_ms] = RESOLUTIONS.find(([, ms]) => (to - from) / ms <= POINTS) ?? RESOLUTIONS.at(-1);
    this.shown = { from, to, resolution, resolution_ms };
    this.show();
    return this.shown;
  }

  mark() {
    for (const button of this.buttons()) button.setAttribute("aria-pressed", String(button.dataset.preset === this.preset));
    this.followed.checked = this.follow;
  }

  show() {
    this.mark();
    if (this.typing) return;
    this.from.value = iso(this.shown.from).slice(0, 16);
    this.to.value = iso(this.shown.to).slice(0, 16);
  }
}

// When the datacenter has ended, windows go on until its last task is done: there is nothing to compare them with.
function lastHeard(state) {
  const heard = [state.watermark_workload, state.watermark_power].filter(Boolean).map(Date.parse);
  return heard.length ? Math.max(...heard) : null;
}

export const iso = (time) => new Date(time).toISOString().slice(0, 19) + "Z";
