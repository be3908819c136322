// Loading again what may have changed: never twice at once, never more often than people can see, and mostly at rest.

const LEAST_MS = 400;
const REST = 4; // times as long as the loading took: whoever answers has other things to do

export class Refresh {
  constructor(load, onError) {
    this.load = load;
    this.onError = onError;
    this.due = new Set();
    this.running = false;
  }

  ask(...parts) {
    for (const part of parts) this.due.add(part);
    if (!this.running) this.run();
  }

  async run() {
    this.running = true;
    while (this.due.size) {
      const parts = new Set(this.due);
      this.due.clear();
      const began = performance.now();
      try {
        await this.load(parts);
      } catch (error) {
        this.onError(error);
      }
      await new Promise((resolve) => setTimeout(resolve, Math.max(LEAST_MS, REST * (performance.now() - began))));
    }
    this.running = false;
  }
}
