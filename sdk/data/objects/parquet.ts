/** Parquet files as values, some thousand rows at a time. */
import { open } from "node:fs/promises";
import type { AsyncBuffer } from "hyparquet";
import type { JsonItem } from "./jsonValues.ts";
import type { ObjectSource } from "./openObjects.ts";

const ROWS = 10_000;

/** The bytes that a Parquet file begins with. */
export function isParquet(head: Buffer): boolean {
  return head.length >= 4 && head.toString("latin1", 0, 4) === "PAR1";
}

/**
 * @param source a path, or the whole file
 * @throws when the file is damaged, with its name
 */
export function parquetSource(name: string, source: string | Buffer): ObjectSource {
  async function* items(): AsyncGenerator<JsonItem[]> {
    // Loaded for those who need it.
    const [{ parquetMetadataAsync, parquetReadObjects }, { compressors }] = await Promise.all([
      import("hyparquet"),
      import("hyparquet-compressors"),
    ]);
    const { file, close } = await asyncBuffer(source);
    try {
      const metadata = await parquetMetadataAsync(file);
      const rows = Number(metadata.num_rows);
      for (let rowStart = 0; rowStart < rows; rowStart += ROWS) {
        const rowEnd = Math.min(rows, rowStart + ROWS);
        const values = await parquetReadObjects({ file, metadata, compressors, rowStart, rowEnd });
        yield values.map((value, i) => ({ value, text: textOf(value), line: rowStart + i + 1 }));
      }
    } catch (cause) {
      throw new Error(
        `${name}: expected a Parquet file, but it cannot be read (${(cause as Error).message}). Write it again, or convert it to CSV or JSON lines.`,
        { cause },
      );
    } finally {
      await close();
    }
  }
  return { name, format: "parquet", encoding: "parquet", items: items() };
}

function textOf(value: unknown): string {
  return JSON.stringify(value, (_, one) => (typeof one === "bigint" ? Number(one) : one));
}

async function asyncBuffer(
  source: string | Buffer,
): Promise<{ file: AsyncBuffer; close: () => Promise<void> }> {
  if (typeof source !== "string") {
    const slice = (start: number, end?: number) => new Uint8Array(source.subarray(start, end)).buffer;
    return { file: { byteLength: source.length, slice }, close: async () => undefined };
  }
  const handle = await open(source, "r");
  const { size } = await handle.stat();
  const slice = async (start: number, end = size) => {
    const bytes = new Uint8Array(end - start);
    await handle.read(bytes, 0, bytes.length, start);
    return bytes.buffer;
  };
  return { file: { byteLength: size, slice }, close: () => handle.close() };
}
