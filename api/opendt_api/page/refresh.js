// Loading again what may have changed: never twice at once, never more often than people can see.

const LEAST_MS = 700;

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
      try {
        await this.load(parts);
      } catch (error) {
        this.onError(error);
      }
      await new Promise((resolve) => setTimeout(resolve, LEAST_MS));
    }
    this.running = false;
  }
}
