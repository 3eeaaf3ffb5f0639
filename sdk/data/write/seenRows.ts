/**
 * Which rows were seen, in a memory that has a bound: 64 bits of a digest and the line, in typed arrays with open
 * addressing. Two different rows among four million meet with a probability below 10^-6.
 */
import { hash } from "node:crypto";

// Entries at most: 48 MB. Later rows are not compared with each other.
const MOST = 1 << 22;

export class SeenRows {
  #slots = 1 << 12;
  #size = 0;
  #words = new Uint32Array(2 * this.#slots);
  /** 0: the slot is free. */
  #lines = new Uint32Array(this.#slots);

  /** @returns the line of the first row with this key, or undefined where this is the first one */
  firstLine(key: string, line: number): number | undefined {
    const digest = hash("md5", key, "buffer");
    const [high, low] = [digest.readUInt32LE(0), digest.readUInt32LE(4)];
    const slot = this.#find(high, low);
    if (this.#lines[slot] !== 0) return this.#lines[slot];
    if (2 * this.#size < MOST) this.#put(slot, high, low, line);
    return undefined;
  }

  #find(high: number, low: number): number {
    let slot = high & (this.#slots - 1);
    while (this.#lines[slot] !== 0 && (this.#words[2 * slot] !== high || this.#words[2 * slot + 1] !== low))
      slot = (slot + 1) & (this.#slots - 1);
    return slot;
  }

  #put(slot: number, high: number, low: number, line: number): void {
    this.#words[2 * slot] = high;
    this.#words[2 * slot + 1] = low;
    this.#lines[slot] = line;
    this.#size++;
    if (2 * this.#size >= this.#slots && this.#slots < MOST) this.#grow();
  }

  #grow(): void {
    const [words, lines] = [this.#words, this.#lines];
    this.#slots *= 2;
    this.#words = new Uint32Array(2 * this.#slots);
    this.#lines = new Uint32Array(this.#slots);
    this.#size = 0;
    for (const [i, line] of lines.entries()) {
      if (line === 0) continue;
      const [high, low] = [words[2 * i], words[2 * i + 1]];
      this.#put(this.#find(high, low), high, low, line);
    }
  }
}
