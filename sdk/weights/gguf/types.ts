/**
 * How GGUF stores values: plain numbers, or blocks of them with common scales (llama.cpp's ggml-common.h says how
 * their bits lie). A row of a matrix is a whole number of blocks, so rows can be moved without decoding them.
 */
import { bfloat16ToFloat32 } from "../../backend/bfloat16.ts";
import { float16ToFloat32, float32ToFloat16, numberOfFloat16 } from "../float16.ts";

interface Storage {
  /** Of llama.cpp's enum ggml_type. */
  id: number;
  /** Values of a block, and its bytes. */
  values: number;
  bytes: number;
  decode(bytes: Uint8Array, values: Float32Array): void;
}

const words = (bytes: Uint8Array) => new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2);

const TYPES = {
  F32: {
    id: 0,
    values: 1,
    bytes: 4,
    decode: (bytes, values) => values.set(new Float32Array(bytes.buffer, bytes.byteOffset, values.length)),
  },
  F16: { id: 1, values: 1, bytes: 2, decode: (bytes, values) => values.set(float16ToFloat32(words(bytes))) },
  BF16: {
    id: 30,
    values: 1,
    bytes: 2,
    decode: (bytes, values) => values.set(bfloat16ToFloat32(words(bytes))),
  },
  Q4_0: { id: 2, values: 32, bytes: 18, decode: decodeQ4_0 },
  Q8_0: { id: 8, values: 32, bytes: 34, decode: decodeQ8_0 },
  Q4_K: { id: 12, values: 256, bytes: 144, decode: decodeQ4_K },
  Q6_K: { id: 14, values: 256, bytes: 210, decode: decodeQ6_K },
} satisfies Record<string, Storage>;

export type GgufType = keyof typeof TYPES;

export function typeById(id: number): GgufType | undefined {
  return (Object.keys(TYPES) as GgufType[]).find((type) => TYPES[type].id === id);
}

export function typeId(type: GgufType): number {
  return TYPES[type].id;
}

/** Bytes of a tensor; undefined where a row is no whole number of blocks, or the size is beyond any file. */
export function typeBytes(type: GgufType, shape: readonly number[]): number | undefined {
  const { values, bytes } = TYPES[type];
  const size = shape.reduce((product, n) => product * n, 1);
  const whole = shape[shape.length - 1] % values === 0 && Number.isSafeInteger((size / values) * bytes);
  return whole ? (size / values) * bytes : undefined;
}

/**
 * The values as float32.
 *
 * @param bytes whole blocks, at an address that is a multiple of 4
 */
export function decodeGguf(type: GgufType, bytes: Uint8Array): Float32Array {
  const { values, bytes: blockBytes } = TYPES[type];
  const decoded = new Float32Array((bytes.byteLength / blockBytes) * values);
  TYPES[type].decode(bytes, decoded);
  return decoded;
}

const { fround } = Math;
const int8 = (byte: number) => (byte << 24) >> 24;

/** 16 bits of scale, then 16 bytes: value i in the low half of byte i, value i + 16 in its high half, less 8. */
function decodeQ4_0(bytes: Uint8Array, values: Float32Array): void {
  for (let at = 0, y = 0; y < values.length; at += 18, y += 32) {
    const scale = numberOfFloat16(bytes[at] | (bytes[at + 1] << 8));
    for (let i = 0; i < 16; i++) {
      const byte = bytes[at + 2 + i];
      values[y + i] = scale * ((byte & 15) - 8);
      values[y + i + 16] = scale * ((byte >> 4) - 8);
    }
  }
}

function decodeQ8_0(bytes: Uint8Array, values: Float32Array): void {
  for (let at = 0, y = 0; y < values.length; at += 34, y += 32) {
    const scale = numberOfFloat16(bytes[at] | (bytes[at + 1] << 8));
    for (let i = 0; i < 32; i++) values[y + i] = scale * int8(bytes[at + 2 + i]);
  }
}

/**
 * Eight groups of 32 values, each with a scale and a minimum of 6 bits in units of the block's two 16-bit scales:
 * value = scale * q - minimum. A run of 32 bytes holds two groups, the first in its low halves.
 */
function decodeQ4_K(bytes: Uint8Array, values: Float32Array): void {
  for (let at = 0, y = 0; y < values.length; at += 144, y += 256) {
    const scaleUnit = numberOfFloat16(bytes[at] | (bytes[at + 1] << 8));
    const minimumUnit = numberOfFloat16(bytes[at + 2] | (bytes[at + 3] << 8));
    for (let group = 0; group < 8; group++) {
      const [scale6, minimum6] = sixBits(bytes, at + 4, group);
      const scale = fround(scaleUnit * scale6);
      const minimum = fround(minimumUnit * minimum6);
      const from = at + 16 + (group >> 1) * 32;
      const shift = (group & 1) * 4;
      for (let i = 0; i < 32; i++) {
        values[y + group * 32 + i] = fround(scale * ((bytes[from + i] >> shift) & 15)) - minimum;
      }
    }
  }
}

/** Scale and minimum of a group: 12 bytes hold eight of each, the upper bits of the last four apart. */
function sixBits(bytes: Uint8Array, at: number, group: number): [number, number] {
  if (group < 4) return [bytes[at + group] & 63, bytes[at + group + 4] & 63];
  const low = bytes[at + group + 4];
  return [(low & 15) | ((bytes[at + group - 4] >> 6) << 4), (low >> 4) | ((bytes[at + group] >> 6) << 4)];
}

/** 128 bytes of low halves, 64 bytes of two upper bits each, 16 scales of 8 bits (for 16 values each), a 16-bit scale. */
function decodeQ6_K(bytes: Uint8Array, values: Float32Array): void {
  for (let at = 0, y = 0; y < values.length; at += 210, y += 256) {
    const unit = numberOfFloat16(bytes[at + 208] | (bytes[at + 209] << 8));
    for (let half = 0; half < 2; half++) {
      for (let quarter = 0; quarter < 4; quarter++) {
        for (let i = 0; i < 32; i++) {
          const low = bytes[at + half * 64 + (quarter & 1) * 32 + i] >> ((quarter >> 1) * 4);
          const high = bytes[at + 128 + half * 32 + i] >> (quarter * 2);
          const q = ((low & 15) | ((high & 3) << 4)) - 32;
          const scale = fround(unit * int8(bytes[at + 192 + half * 8 + quarter * 2 + (i >> 4)]));
          values[y + half * 128 + quarter * 32 + i] = scale * q;
        }
      }
    }
  }
}

/** Types that `encodeGguf` writes. */
export const WRITABLE = ["F32", "F16", "Q8_0", "Q4_0"] as const;
export type WritableType = (typeof WRITABLE)[number];

/**
 * Values as bytes of the type, rounded as llama.cpp's own quantiser does.
 *
 * @param values whole blocks
 * @param where names the tensor in the error
 * @throws when a value is not finite, or is outside the range of 16-bit floats
 */
export function encodeGguf(type: WritableType, values: Float32Array, where: string): Uint8Array {
  if (type === "F32") return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const wrong = values.find((value) => !(Math.abs(value) < 65520));
  if (wrong !== undefined) {
    throw new Error(
      `${where}: the value ${wrong} does not fit ${type}, whose range is ±65504: export safetensors`,
    );
  }
  if (type === "F16") {
    const halves = float32ToFloat16(values);
    return new Uint8Array(halves.buffer);
  }
  const { values: size, bytes } = TYPES[type];
  const encoded = new Uint8Array((values.length / size) * bytes);
  for (let from = 0, at = 0; from < values.length; from += size, at += bytes) {
    const block = values.subarray(from, from + size);
    if (type === "Q8_0") encodeQ8_0(block, encoded, at);
    else encodeQ4_0(block, encoded, at);
  }
  return encoded;
}

function encodeQ8_0(block: Float32Array, encoded: Uint8Array, at: number): void {
  const scale = fround(block.reduce((largest, x) => Math.max(largest, Math.abs(x)), 0) / 127);
  const inverse = scale === 0 ? 0 : fround(1 / scale);
  writeHalf(scale, encoded, at);
  block.forEach((x, i) => {
    const q = fround(x * inverse);
    // Halves away from zero, as C rounds.
    encoded[at + 2 + i] = Math.sign(q) * Math.floor(Math.abs(q) + 0.5);
  });
}

function encodeQ4_0(block: Float32Array, encoded: Uint8Array, at: number): void {
  let extreme = 0;
  for (const x of block) if (Math.abs(x) > Math.abs(extreme)) extreme = x;
  const scale = fround(extreme / -8);
  const inverse = scale === 0 ? 0 : fround(1 / scale);
  writeHalf(scale, encoded, at);
  const nibble = (x: number) => Math.min(15, Math.trunc(fround(fround(x * inverse) + 8.5)));
  for (let i = 0; i < 16; i++) encoded[at + 2 + i] = nibble(block[i]) | (nibble(block[i + 16]) << 4);
}

function writeHalf(value: number, encoded: Uint8Array, at: number): void {
  const [half] = float32ToFloat16(Float32Array.of(value));
  encoded[at] = half & 255;
  encoded[at + 1] = half >> 8;
}
