/** One turn of a chat: the question, the answer as far as it has come, and the reasoning behind it, folded. */
import { type MimeBundle, mimeBundle } from "./bundle.ts";
import { html, output, said } from "./html.ts";
import { number } from "./numbers.ts";
import { headline, steps, type TraceValue } from "./trace.ts";

export interface TurnValue {
  /** Absent where it stands above already. */
  question?: string;
  answer: string;
  trace?: TraceValue;
  tokens: number;
  seconds: number;
  aborted: boolean;
}

export interface TurnOptions {
  /** The trace as text, for text/plain. */
  traceText?: string;
  /** The trace begins unfolded. Default false. */
  open?: boolean;
  /** A word while the answer is not whole: "Je réfléchis…". */
  waiting?: string;
  /** What happened on the way: a draft that was withdrawn. */
  notes?: readonly string[];
}

export function turnView(turn: TurnValue, options: TurnOptions = {}): MimeBundle {
  const { traceText = "", open = false, waiting, notes = [] } = options;
  const speed = `${number(turn.tokens)} tokens · ${turn.seconds.toFixed(1)} s · ${number(turn.tokens / Math.max(turn.seconds, 1e-3), 0)} tokens/s${turn.aborted ? " · ■" : ""}`;
  const text = [
    turn.question === undefined ? "" : `> ${turn.question}`,
    turn.answer || waiting || "",
    ...notes,
    waiting ? "" : speed,
    traceText,
  ];
  return mimeBundle(
    text.filter(Boolean).join("\n"),
    output(
      turn.question !== undefined && said(turn.question, "grey"),
      said(turn.answer === "" ? (waiting ?? "–") : turn.answer, "first"),
      notes.map((note) => html`<div class="mlab-line">↻ ${note}</div>`),
      html`<div class="mlab-line">${waiting ?? speed}</div>`,
      turn.trace &&
        !waiting &&
        html`<details${open ? html` open` : ""}><summary>${headline(turn.trace)}</summary>${steps(turn.trace, turn.answer)}</details>`,
    ),
  );
}
