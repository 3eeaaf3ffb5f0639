/**
 * HTML that cannot be broken by what it shows. `html` escapes every value that is not itself made by `html`, so model
 * output, file contents and names show as characters. Colours are the page's own, or greys and tones that can be read
 * on white and on black: no front end tells reliably whether it is dark.
 */
import { harmless } from "../text/harmless.ts";

/** A piece of HTML that is safe to put into a page as it is. */
export class Html {
  constructor(private readonly text: string) {}

  toString(): string {
    return this.text;
  }
}

type Value = Html | string | number | boolean | null | undefined | readonly Value[];

/** A template of HTML; absent values and false are nothing, lists are joined. */
export function html(parts: TemplateStringsArray, ...values: Value[]): Html {
  return new Html(parts.reduce((text, part, i) => text + write(values[i - 1]) + part));
}

function write(value: Value): string {
  if (value === undefined || value === null || value === false) return "";
  if (value instanceof Html) return String(value);
  if (Array.isArray(value)) return value.map(write).join("");
  return escapeHtml(String(value));
}

/** Text as HTML or as an attribute in double quotes; control characters are shown. */
export function escapeHtml(text: string): string {
  const entities: Record<string, string> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "'": "&#39;",
  };
  return harmless(text).replace(/[&<>"']/g, (character) => entities[character]);
}

/** Tones by use, readable on white and on black (contrast of at least 3 with both). */
export const TONES = {
  first: "#3d7fe0",
  second: "#d9620f",
  third: "#2a9a5a",
  fourth: "#9463e0",
  fifth: "#c2418f",
  sixth: "#8a7a1c",
  grey: "#7f858d",
} as const;
export type Tone = keyof typeof TONES;

// Notebook's own rules (`.rendered_html tbody tr:nth-child(odd)`, `summary { display: block }`) are undone by longer
// selectors.
const STYLE = `
.mlab{font-size:13px;line-height:1.5;max-width:960px;overflow-wrap:anywhere}
.mlab *{box-sizing:border-box}
.mlab .mlab-line{opacity:.75;margin:0 0 .4em}
.mlab table.mlab-t{color:inherit;border-collapse:collapse;border:0;margin:.3em 0;font-size:13px;table-layout:auto}
.mlab .mlab-t th,.mlab .mlab-t td{text-align:left;vertical-align:top;padding:.25em .9em .25em 0;border:0;border-top:1px solid rgba(128,128,128,.28);background:none;white-space:pre-wrap;max-width:46em;color:inherit}
.mlab table.mlab-t tbody tr{background:none}
.mlab .mlab-t thead th{border-top:0;font-weight:600;opacity:.75;vertical-align:bottom}
.mlab .mlab-t tbody th{font-weight:500}
.mlab .mlab-t th,.mlab .mlab-t td:first-child{overflow-wrap:normal}
.mlab .mlab-t .mlab-n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.mlab .mlab-t .mlab-best{font-weight:700}
.mlab summary{display:list-item;cursor:pointer;padding:.15em 0}
.mlab details details{margin-left:1em}
.mlab mark{color:inherit!important;border-radius:3px;padding:0 .15em}
.mlab .mlab-facts{display:flex;flex-wrap:wrap;gap:.1em 1.4em;margin:.1em 0 .5em}
.mlab .mlab-facts b{font-weight:600;font-variant-numeric:tabular-nums}
.mlab .mlab-facts span span{opacity:.7;margin-right:.4em}
.mlab .mlab-facts i{display:none}
.mlab .mlab-bar{border-radius:2px;vertical-align:baseline}
.mlab pre.mlab-pre{white-space:pre-wrap;margin:.3em 0;padding:0;background:none;border:0;color:inherit;font-size:12px}
.mlab .mlab-muted{opacity:.7}
.mlab .mlab-figure{position:relative;max-width:960px}
.mlab .mlab-figure svg,.mlab .mlab-figure img{display:block;width:100%;height:auto;margin:0}
.mlab .mlab-hit{position:absolute;display:block}
.mlab .mlab-hit:hover{background:rgba(128,128,128,.18)}
`.replaceAll("\n", "");

// A front end takes the style sheet out of a notebook that it does not trust, and lets attributes stand: without these
// nothing would be seen of a bar, and highlighted words would be black on a dark page.
export const BAR = "display:inline-block;min-width:1px";
const SAID = "margin:.25em 0;padding:.35em .8em;white-space:pre-wrap";

/** A whole output: everything inside one element with the views' own style, which touches nothing outside it. */
export function output(...content: Value[]): string {
  const page = String(html`<div class="mlab"><style>${new Html(STYLE)}</style>${content}</div>`);
  // JupyterLab's own tables are set to the right.
  return page.replace(/<t[dh]\b(?![^>]*(?:mlab-n|style=))[^>]*(?=>)/g, '$& style="text-align:left"');
}

/** Label and value pairs in one line that wraps. The dots are seen where a viewer takes the style away. */
export function facts(pairs: readonly (readonly [label: string, value: string])[]): Html {
  return html`<div class="mlab-facts">${pairs.map(
    ([label, value], i) =>
      html`<span>${i > 0 && html`<i> · </i>`}<span>${label}</span> <b>${value}</b></span>`,
  )}</div>`;
}

/** A bar that is `share` (0 to 1) of `width` em long. */
export function bar(share: number, tone: Tone, width = 12): Html {
  const length = Number.isFinite(share) ? Math.max(0, Math.min(1, share)) * width : 0;
  return html`<span class="mlab-bar" style="${BAR};height:.65em;width:${length.toFixed(2)}em;background:${TONES[tone]}"></span>`;
}

/** Words of a tone, and a line under them. */
export function mark(text: string, colour: string, title: string): Html {
  // A browser's own marks are black on yellow. The tone gives way to the page's colour where the style sheet is let in;
  // "inherit" would be taken out.
  return html`<mark title="${title}" style="color:${colour};background:${colour}38;border-bottom:2px solid ${colour}">${text}</mark>`;
}

/** Something said, with a line of a tone at its left. */
export function said(content: Value, tone?: Tone): Html {
  return html`<div class="mlab-say" style="${SAID};border-left:3px solid ${tone ? TONES[tone] : "rgba(128,128,128,.4)"}">${content}</div>`;
}
