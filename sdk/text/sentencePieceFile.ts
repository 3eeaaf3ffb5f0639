/**
 * sentencepiece's tokenizer.model: a protocol buffer of pieces with their scores, and how text is prepared. Only what
 * Mistral's and Llama's files say is followed; anything else is named. No length in the file is believed.
 */
import { fromSentencePieces, PIECE, type Piece, type TokenizerJson } from "./buildTokenizer.ts";

/** sentencepiece's TrainerSpec.ModelType. */
const BPE = 2;

/** @throws when it is no such file, or one of another kind: says which part */
export function readSentencePieceFile(bytes: Uint8Array, path: string): TokenizerJson {
  const fail = (problem: string) =>
    new Error(
      `${path}: not a tokenizer.model that the lab can use: ${problem}. Take tokenizer.json of the checkpoint`,
    );
  const pieces: Piece[] = [];
  const trainer = { model: 1, bytes: 0 };
  const normalizer = { prefix: 1, squeeze: 1, name: "" };
  try {
    for (const [field, value] of fieldsOf(bytes)) {
      if (!(value instanceof Uint8Array)) continue;
      if (field === 1) pieces.push(pieceOf(value));
      if (field === 2) {
        for (const [key, part] of fieldsOf(value)) {
          if (key === 3) trainer.model = Number(part);
          if (key === 35) trainer.bytes = Number(part);
        }
      }
      if (field === 3) {
        for (const [key, part] of fieldsOf(value)) {
          if (key === 1 && part instanceof Uint8Array) normalizer.name = textOf(part);
          if (key === 3) normalizer.prefix = Number(part);
          if (key === 4) normalizer.squeeze = Number(part);
        }
      }
    }
  } catch (cause) {
    throw fail((cause as Error).message);
  }
  if (pieces.length === 0) throw fail("it has no pieces");
  if (trainer.model !== BPE) throw fail(`expected a BPE model (type ${BPE}), got type ${trainer.model}`);
  if (normalizer.squeeze !== 0) throw fail("it removes extra spaces, which is not followed");
  if (!["", "identity"].includes(normalizer.name)) {
    throw fail(`expected no normalisation of text, got "${normalizer.name}"`);
  }
  try {
    return fromSentencePieces(pieces, { spaceBefore: normalizer.prefix !== 0 });
  } catch (cause) {
    throw fail((cause as Error).message);
  }
}

function pieceOf(bytes: Uint8Array): Piece {
  const piece: Piece = { text: "", score: 0, kind: PIECE.normal };
  for (const [field, value] of fieldsOf(bytes)) {
    if (field === 1 && value instanceof Uint8Array) piece.text = textOf(value);
    if (field === 2 && value instanceof Uint8Array && value.length === 4) {
      piece.score = new DataView(value.buffer, value.byteOffset).getFloat32(0, true);
    }
    if (field === 3) piece.kind = Number(value);
  }
  return piece;
}

function textOf(bytes: Uint8Array): string {
  // ignoreBOM keeps U+FEFF, which is a piece like others.
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
}

/** The fields of a message: numbers as they are, everything else as its bytes. */
function* fieldsOf(bytes: Uint8Array): Generator<[number, number | Uint8Array]> {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      if (at >= bytes.length || factor > 2 ** 63)
        throw new Error(`a number ends at byte ${at} of ${bytes.length}`);
      const byte = bytes[at++];
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const field = Math.floor(tag / 8);
    const wire = tag % 8;
    if (wire === 0) {
      yield [field, varint()];
      continue;
    }
    const length = wire === 1 ? 8 : wire === 5 ? 4 : wire === 2 ? varint() : Number.NaN;
    if (!(at + length <= bytes.length)) {
      throw new Error(`a field of kind ${wire} and length ${length} at byte ${at} of ${bytes.length}`);
    }
    yield [field, bytes.subarray(at, at + length)];
    at += length;
  }
}
