/** What `describe` finds in a table, as plain data with line numbers. */

/** Of numbers that belong to rows. */
export interface Distribution {
  min: number;
  median: number;
  mean: number;
  p95: number;
  max: number;
  /** Row counts of equal steps from `min` to `max`, for a plot. */
  histogram: { from: number; to: number; rows: number }[];
}

/** Rows that say the same, the first one first. */
export interface RowGroup {
  lines: number[];
  instruction: string;
}

export interface PersonalData {
  line: number;
  side: "instruction" | "response";
  kind: "mail" | "phone" | "card" | "iban";
  /** The text found, its middle hidden. */
  masked: string;
}

export interface Description {
  source: string;
  rows: number;
  /** Characters (UTF-16 code units). */
  characters: { instruction: Distribution; response: Distribution };
  /** Tokens of whole examples, template included; only where a tokenizer was given. */
  tokens?: Distribution;
  /** Rows longer than `maxSeqLength` tokens; only where a tokenizer was given. */
  tooLong?: { maxSeqLength: number; share: number; lines: number[] };
  /** Both sides equal. */
  duplicates: RowGroup[];
  /** Equal or nearly so after normalisation (case, accents, punctuation), not equal as they stand. */
  nearDuplicates: RowGroup[];
  /** One word or none. */
  shortAnswers: { line: number; response: string }[];
  /** By language of the instruction and response together ("fr", "en", …, "unknown"), most frequent first. */
  languages: { language: string; rows: number; lines: number[] }[];
  /** The same question (normalised) with different answers. */
  contradictions: RowGroup[];
  personalData: PersonalData[];
  /** Each finding that deserves a look before training, in one sentence with its lines. */
  warnings: string[];
  toString(): string;
}
