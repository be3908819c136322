// Numbers with their units, and times. All times are UTC.

// From which size on which unit reads well, and what to divide by where that is not this size.
const UNITS = {
  W: [[1e6, "MW"], [1e3, "kW"], [1, "W"]],
  "g/h": [[1e6, "t/h"], [1e3, "kg/h"], [1, "g/h"], [1e-3, "mg/h"]],
  kg: [[1e3, "t"], [0.1, "kg", 1], [1e-3, "g"], [1e-6, "mg"]],
  kWh: [[1e6, "GWh"], [0.1, "kWh", 1], [1e-3, "Wh"], [1e-6, "mWh"]],
};

// The unit in which a number of that size reads well, and what to divide by. Nothing is in the unit itself.
export function scaleFor(unit, most) {
  const choices = (most && UNITS[unit]) || [[1, unit]];
  const [size, label, divide = size] = choices.find(([from]) => Math.abs(most) >= from) ?? choices.at(-1);
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
  return number(value, size === 0 || Number.isInteger(value) ? 0 : size >= 100 ? 0 : size >= 10 ? 1 : size >= 0.1 ? 2 : Math.min(20, 1 - Math.floor(Math.log10(size))));
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
