/** Opens a source by what it holds: CSV of any dialect, JSON lines, JSON or Parquet. */
import { findColumns } from "./columns/columns.ts";
import type { Settings } from "./csvOptions.ts";
import { Decoder, detectEncoding } from "./detect/encoding.ts";
import { refuseOtherFormats } from "./detect/otherFormats.ts";
import { dialogueColumns } from "./dialogue/columns.ts";
import { findDialogue } from "./dialogue/detect.ts";
import { openDialogueColumns } from "./dialogue/openColumns.ts";
import { type DialogueSource, openDialogue } from "./dialogue/openDialogue.ts";
import { looksLikeJson } from "./objects/jsonValues.ts";
import { jsonSource, type ObjectSource, openObjectRows, openWholeObjects } from "./objects/openObjects.ts";
import { isParquet, parquetSource } from "./objects/parquet.ts";
import { withoutFaultsOfCharacters } from "./read/csvParser.ts";
import {
  gridOf,
  type OpenGrid,
  type OpenTable,
  type OpenWholeTable,
  openRows,
  openWhole,
} from "./read/openTable.ts";
import { type Source, type SplitSource, sourceName, splitHead } from "./read/source.ts";

// Bytes that format, encoding, dialect and layout are read from, at least.
const HEAD = 1 << 18;
// Of those, what tells a dialogue from a table.
const STYLE = 1 << 15;

/** @throws when the source cannot be read, is empty or no text, or lacks one of the two sides */
export async function openSource(source: Source, settings: Settings): Promise<OpenTable> {
  return orClosed(source, async (split) => {
    const opened = await open(source, split, settings, true);
    if (opened.empty)
      throw new Error(
        `${opened.name}: expected a header and rows, got an empty file. Check the path or export it again.`,
      );
    if (opened.objects) return openObjectRows(opened.objects, settings);
    if (opened.dialogue) return openDialogue(opened.dialogue, settings);
    return openGridRows(opened.name, opened.grid, settings);
  });
}

/** Where the work fails, nobody reads on: the source is closed. */
async function orClosed<T>(source: Source, work: (split: SplitSource) => Promise<T>): Promise<T> {
  const split = await splitHead(source, HEAD);
  try {
    return await work(split);
  } catch (error) {
    await split.rest.return(undefined);
    throw error;
  }
}

/** Rows of a table; where no columns name both sides, its rows may be the turns of a dialogue. */
async function openGridRows(name: string, grid: OpenGrid, settings: Settings): Promise<OpenTable> {
  const isNamed = settings.columns !== undefined || findColumns(grid.header)?.exact === true;
  if (isNamed) return openRows(name, grid, settings);
  const { value: first } = await grid.records.next();
  const columns = dialogueColumns(first ?? [], grid);
  if (columns) return openDialogueColumns(name, grid, first ?? [], columns, settings);
  async function* records(): typeof grid.records {
    try {
      if (first) yield first;
      yield* grid.records;
    } finally {
      await grid.records.return(undefined);
    }
  }
  return openRows(name, { ...grid, records: records() }, settings);
}

/** @throws when the source cannot be read, or is no text */
export async function openWholeTable(source: Source, settings: Settings): Promise<OpenWholeTable> {
  return orClosed(source, async (split) => {
    const opened = await open(source, split, settings, false);
    return opened.objects ? openWholeObjects(opened.objects) : openWhole(opened.name, opened.grid, settings);
  });
}

interface Opened {
  name: string;
  empty: boolean;
}

type Content =
  | { objects: ObjectSource; dialogue?: undefined; grid?: undefined }
  | { objects?: undefined; dialogue: DialogueSource; grid?: undefined }
  | { objects?: undefined; dialogue?: undefined; grid: OpenGrid };

/** @param wantsRows false: the whole table as it stands, in which a dialogue is lines as any other */
function open(
  source: Source,
  split: SplitSource,
  settings: Settings,
  wantsRows: true,
): Promise<Opened & Content>;
function open(
  source: Source,
  split: SplitSource,
  settings: Settings,
  wantsRows: false,
): Promise<Opened & Exclude<Content, { dialogue: DialogueSource }>>;
async function open(
  source: Source,
  { head, whole, rest }: SplitSource,
  settings: Settings,
  wantsRows: boolean,
): Promise<Opened & Content> {
  const name = sourceName(source);
  const empty = whole && isBlank(head);
  if (isParquet(head)) {
    if (typeof source === "string") {
      await rest.return(undefined);
      return { name, empty, objects: parquetSource(name, source) };
    }
    const parts = [head];
    for await (const part of rest) parts.push(part);
    return { name, empty, objects: parquetSource(name, Buffer.concat(parts)) };
  }
  const { encoding, bom } = detectEncoding(head);
  if (!encoding.startsWith("utf-16")) refuseOtherFormats(name, head.subarray(bom));
  if (!whole && isBlank(head)) throw noText(name, head);
  const first = head.subarray(bom).toString("latin1", 0, 64).replaceAll("\0", "").trimStart()[0];
  if (first === "{" || first === "[") {
    const text = new Decoder(encoding).decode(head.subarray(bom), whole);
    if (looksLikeJson(text, whole))
      return { name, empty, objects: jsonSource(name, head.subarray(bom), whole, rest, encoding) };
  }
  const dialogue = wantsRows ? dialogueOf(name, head, whole, rest, settings) : undefined;
  return dialogue
    ? { name, empty, dialogue }
    : { name, empty, grid: gridOf(name, head, whole, rest, settings) };
}

function noText(name: string, { length }: Buffer): Error {
  return new Error(
    `${name}: expected a header and rows, got NULs and white space only in the first ${length} bytes. Copy or export it again: files that are cut off or not filled yet look so.`,
  );
}

/** A dialogue written as text, unless an option says that the source is a table. */
function dialogueOf(
  name: string,
  head: Buffer,
  whole: boolean,
  rest: AsyncGenerator<Buffer>,
  settings: Settings,
): DialogueSource | undefined {
  if (settings.columns !== undefined || settings.delimiter !== undefined) return undefined;
  const found = detectEncoding(head);
  const encoding = settings.encoding ?? found.encoding;
  const body = head.subarray(encoding === found.encoding ? found.bom : 0);
  const isAll = whole && body.length <= STYLE;
  const sample = new Decoder(encoding).decode(body.subarray(0, STYLE), isAll);
  const style = findDialogue(withoutFaultsOfCharacters(sample), isAll);
  if (style === undefined) return undefined;
  const decoder = new Decoder(encoding);
  const text = decoder.decode(body, whole);
  async function* pieces(): AsyncGenerator<string> {
    yield text;
    if (whole) return;
    for await (const bytes of rest) yield decoder.decode(bytes, false);
    yield decoder.decode(Buffer.alloc(0), true);
  }
  return { name, style, encoding, pieces: pieces(), encode: (raw) => decoder.encode(raw) };
}

/** Nothing but byte order marks, NULs and white space. */
function isBlank(bytes: Buffer): boolean {
  return (
    bytes.every((byte) => byte <= 32 || byte >= 0xbb) &&
    bytes.toString("utf8").replace(/[\0\ufeff\ufffd\s]/g, "") === ""
  );
}
