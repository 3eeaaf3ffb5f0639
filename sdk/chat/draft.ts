/** An answer in a notebook while it grows, drawn again in its place. What takes its place is the caller's to show. */
import { type MimeBundle, Place } from "../views/bundle.ts";
import { turnView } from "../views/turn.ts";
import type { Domain } from "./domain/domainSchema.ts";
import { fill } from "./interactive/commands.ts";
import type { ChatEvent } from "./session.ts";

/** Milliseconds between two drawings of an answer: text that comes faster is not read faster. */
const REDRAW_MS = 100;
/** Without a domain's word for it. */
const THINKING = "…";

export interface DraftOptions {
  /** Shown above the answer. Default: it stands above already */
  question?: string;
  /** The domain's texts. Default: hardly any words */
  ui?: Domain["ui"];
  /** Milliseconds before anything is drawn: an answer that is there at once needs no draft. Default 0 */
  after?: number;
}

export class Draft {
  /** Drafts that were withdrawn, and why. */
  readonly notes: string[] = [];
  readonly #place = new Place();
  #text = "";
  /** When it may be drawn next; undefined before `begin`. */
  #next: number | undefined;

  constructor(private readonly options: DraftOptions = {}) {}

  /** Somebody waits for the answer. */
  begin(): void {
    const { after = 0 } = this.options;
    this.#next = performance.now() + after;
    if (after === 0) this.#draw();
  }

  hear(event: ChatEvent): void {
    const { ui } = this.options;
    if (event.type === "piece") this.#text += event.text;
    else if (event.type === "replace") {
      const wrong = event.finding.issues.find(({ severity }) => severity === "error");
      this.notes.push(ui ? fill(ui.retrying, { issue: wrong?.message ?? "" }) : "");
      this.#text = "";
    }
    if (this.#next === undefined || performance.now() < this.#next) return;
    this.#draw();
    this.#next = performance.now() + REDRAW_MS;
  }

  /** Puts the whole turn where the draft stands. */
  replace(bundle: MimeBundle): void {
    this.#place.draw(bundle);
  }

  /** Takes the draft away: the turn is shown elsewhere, or not at all. */
  withdraw(): void {
    this.#place.clear();
    this.#next = undefined;
  }

  #draw(): void {
    const { question, ui } = this.options;
    const turn = { answer: this.#text, tokens: 0, seconds: 0, aborted: false };
    const options = { waiting: ui?.thinking ?? THINKING, notes: this.notes };
    this.#place.draw(turnView(question === undefined ? turn : { question, ...turn }, options));
  }
}
