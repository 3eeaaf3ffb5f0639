/** What has been run in this session, for `history_request`. Nothing is written to disk: cells may hold secrets. */

/** Of one cell: session, line, its code or, where outputs were asked for, code and output. */
export type HistoryItem = [session: number, line: number, input: string | [string, string | null]];

const SESSION = 1;

interface Cell {
  line: number;
  code: string;
  output: string | null;
}

export class History {
  readonly #cells: Cell[] = [];

  add(line: number, code: string): void {
    this.#cells.push({ line, code, output: null });
  }

  /** The text of the result, once it is there. */
  setOutput(line: number, output: string): void {
    const cell = this.#cells.findLast((item) => item.line === line);
    if (cell) cell.output = output;
  }

  /** @param request the content of a `history_request` */
  find(request: Record<string, unknown>): HistoryItem[] {
    const cells = this.#select(request);
    return cells.map(({ line, code, output }) => [SESSION, line, request.output ? [code, output] : code]);
  }

  #select(request: Record<string, unknown>): Cell[] {
    const most = typeof request.n === "number" ? Math.max(0, request.n) : this.#cells.length;
    const last = (cells: Cell[]) => (most === 0 ? [] : cells.slice(-most));
    switch (request.hist_access_type) {
      case "range": {
        // Session 0 is the current one; negative ones count back from it, and there are none.
        if (request.session !== undefined && request.session !== 0 && request.session !== SESSION) return [];
        const start = typeof request.start === "number" ? request.start : 1;
        const stop = typeof request.stop === "number" ? request.stop : Number.POSITIVE_INFINITY;
        return this.#cells.filter(({ line }) => line >= start && line < stop);
      }
      case "search": {
        const pattern = glob(typeof request.pattern === "string" ? request.pattern : "*");
        let found = this.#cells.filter(({ code }) => pattern.test(code));
        if (request.unique) {
          const latest = new Map(found.map((cell) => [cell.code, cell]));
          found = found.filter((cell) => latest.get(cell.code) === cell);
        }
        return last(found);
      }
      default:
        return last(this.#cells);
    }
  }
}

/** `*` and `?` as a shell has them. */
function glob(pattern: string): RegExp {
  const escaped = pattern.replace(/[.+^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`^${escaped.replaceAll("*", "[\\s\\S]*").replaceAll("?", "[\\s\\S]")}$`);
}
