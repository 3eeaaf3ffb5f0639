import { z } from "zod";
import type { ColumnNames } from "./columns/columns.ts";
import { type Encoding, encodings } from "./detect/encoding.ts";

export interface CsvOptions {
  /** Names of the columns, where they are unusual. Default: usual French and English names are recognised. */
  columns?: Partial<ColumnNames>;
  /** Between fields. Default: found by what the file holds. */
  delimiter?: string;
  /** Around fields: `"`, `'`, "“”", "«»", or "" for none. Default: found. */
  quote?: string;
  /** How a quote inside quotes is written. Default: found. */
  escape?: "doubled" | "backslash" | "none";
  /** Default: found; UTF-8, UTF-16 with either byte order, Windows-1252, or what old Macs and DOS wrote. */
  encoding?: Encoding;
  /** true: of rows that say the same, the first is kept; all are reported. Default false. */
  dropDuplicates?: boolean;
  /**
   * true: the first repair is an error. Default false. Danger: padding and a missing last cell are repairs too.
   */
  strict?: boolean;
  /** true: in `frame`, a further column of numbers only is numeric. Default false: all is text. */
  inferTypes?: boolean;
  /**
   * Characters of a cell at most. Default 4,194,304. Danger: a quote that is never closed is searched for its end as
   * far as this, and memory grows with it.
   */
  maxCellLength?: number;
  /** Columns at most. Default 4096. */
  maxColumns?: number;
}

export const csvOptions = z.strictObject({
  columns: z
    .strictObject({ instruction: z.string().min(1).optional(), response: z.string().min(1).optional() })
    .optional(),
  delimiter: z.string().min(1).optional(),
  quote: z.enum(['"', "'", "“”", "«»", ""]).optional(),
  escape: z.enum(["doubled", "backslash", "none"]).optional(),
  encoding: z.enum(encodings).optional(),
  dropDuplicates: z.boolean().default(false),
  strict: z.boolean().default(false),
  inferTypes: z.boolean().default(false),
  maxCellLength: z
    .int()
    .min(1)
    .default(1 << 22),
  maxColumns: z.int().min(1).default(4096),
});

export type Settings = z.output<typeof csvOptions>;
