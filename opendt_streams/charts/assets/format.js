// Numbers with their units, and times. All times are UTC.

const LARGER = {
  W: [[1e6, "MW"], [1e3, "kW"], [1, "W"]],
  "g/h": [[1e6, "t/h"], [1e3, "kg/h"], [1, "g/h"]],
  g: [[1e6, "t"], [1e3, "kg"], [1, "g"]],
};

// The unit in which a number of that size reads well, and what to divide by.
export function scaleFor(unit, most) {
  const choices = LARGER[unit] ?? [[1, unit]];
  const [divide, label] = choices.find(([size]) => Math.abs(most) >= size) ?? choices.at(-1);
  return { divide, label };
}

export function number(value, digits = 2) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  return value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

// Three significant digits or so: enough to read, not more than is known.
export function short(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  return number(value, size === 0 || Number.isInteger(value) ? 0 : size >= 100 ? 0 : size >= 10 ? 1 : size >= 0.1 ? 2 : 3);
}

export function withUnit(value, unit) {
  if (value === null || value === undefined) return "–";
  const scale = scaleFor(unit, value);
  return `${short(value / scale.divide)} ${scale.label}`.trim();
}

export const percent = (value, digits = 2) => (value === null || value === undefined ? "–" : `${number(value, digits)} %`);

export function moment(time) {
  if (time === null || time === undefined) return "–";
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? String(time) : date.toISOString().slice(0, 16).replace("T", " ");
}

export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172800 ? `${number(seconds / 3600, 1)} h` : `${number(seconds / 86400, 1)} d`;
}

export const brief = (id) => (id ? String(id).slice(0, 8) : "–");
