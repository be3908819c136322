// Reading a chart point by point: with pointer, finger or arrow keys; a mouse that is dragged picks a range.
/* global d3 */

const LEAST_DRAG_PX = 8;

export class Cursor {
  // `chart` has: plot (the focusable element), data, x (scale), inner (the drawn group), size, margin, pick(index), zoom(from, to)
  constructor(chart) {
    this.chart = chart;
    this.index = null;
    this.from = null;
    const plot = chart.plot;
    plot.addEventListener("pointermove", (event) => this.move(event));
    plot.addEventListener("pointerleave", () => this.from === null && this.go(null));
    plot.addEventListener("pointerdown", (event) => this.press(event));
    plot.addEventListener("pointerup", (event) => this.release(event));
    plot.addEventListener("keydown", (event) => this.key(event));
    plot.addEventListener("blur", () => this.go(null));
  }

  go(index, spoken = false) {
    this.index = index;
    this.draw();
    this.chart.pick(index, spoken);
  }

  draw() {
    const { inner, x, data, size } = this.chart;
    if (!inner) return;
    inner.selectAll(".cursor").remove();
    if (this.index === null || this.index >= data.time.length) return;
    const at = x(data.time[this.index]);
    inner.append("line").attr({ class: "cursor", x1: at, x2: at, y1: 0, y2: size.height });
  }

  pixel(event) {
    return event.clientX - this.chart.plot.getBoundingClientRect().left - this.chart.margin.left;
  }

  move(event) {
    const { data, x, inner, size } = this.chart;
    if (!x || !data.time.length) return;
    const px = this.pixel(event);
    const time = x.invert(px).getTime();
    const right = d3.bisectLeft(data.time, time);
    const nearest = right > 0 && (right === data.time.length || time - data.time[right - 1] < data.time[right] - time) ? right - 1 : right;
    this.go(nearest);
    if (this.from === null) return;
    inner.selectAll(".picked").remove();
    inner.append("rect").attr({ class: "picked", x: Math.min(this.from, px), y: 0, width: Math.abs(px - this.from), height: size.height });
  }

  press(event) {
    if (event.pointerType !== "mouse" || event.button !== 0) return;
    event.preventDefault();
    this.chart.plot.focus({ preventScroll: true });
    this.chart.plot.setPointerCapture(event.pointerId);
    this.from = this.pixel(event);
  }

  release(event) {
    if (this.from === null) return;
    const [low, high] = d3.extent([this.from, this.pixel(event)]);
    this.from = null;
    this.chart.inner.selectAll(".picked").remove();
    if (high - low >= LEAST_DRAG_PX) this.chart.zoom(this.chart.x.invert(low).getTime(), this.chart.x.invert(high).getTime());
  }

  key(event) {
    const last = this.chart.data.time.length - 1;
    if (last < 0) return;
    const at = this.index ?? last;
    const step = event.shiftKey ? 10 : 1;
    const next = { ArrowLeft: Math.max(0, at - step), ArrowRight: Math.min(last, at + step), Home: 0, End: last, Escape: null }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    this.go(next, true);
  }
}
