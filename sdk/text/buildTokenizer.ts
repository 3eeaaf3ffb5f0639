/**
 * Makes the content of a tokenizer.json from the vocabularies of other formats: sentencepiece's pieces with scores
 * (tokenizer.model, GGUF's "llama") and byte-level words with merges (tekken.json, GGUF's "gpt2").
 */

/** As sentencepiece and GGUF number the kinds of pieces. */
export const PIECE = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const;

export interface Piece {
  text: string;
  /** Log probability, or less the rank of the merge: pieces with higher scores are merged first. */
  score: number;
  kind: number;
}

interface AddedToken {
  id: number;
  content: string;
  special: boolean;
  lstrip: boolean;
  rstrip: boolean;
  single_word: boolean;
  normalized: boolean;
}

/** What `tokenizerJson` of tokenizerFiles.ts checks and the tokenizer library reads. */
export interface TokenizerJson {
  version: "1.0";
  truncation: null;
  padding: null;
  added_tokens: AddedToken[];
  normalizer: object | null;
  pre_tokenizer: object | null;
  post_processor: null;
  decoder: object;
  model: { type: "BPE"; vocab: Record<string, number>; merges: [string, string][] } & Record<string, unknown>;
}

/** A token that is cut out of the text before all else; keys in the order of Hugging Face's files. */
export function addedToken(id: number, content: string, special: boolean): AddedToken {
  return { id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special };
}

/** sentencepiece writes spaces so. */
const SPACE = "\u2581";

/**
 * A sentencepiece BPE model: the merge of two pieces is ranked by the score of what it gives.
 *
 * @param options.spaceBefore a text begins with a space of its own (add_dummy_prefix)
 * @throws when two pieces have the same text
 */
export function fromSentencePieces(
  pieces: readonly Piece[],
  { spaceBefore }: { spaceBefore: boolean },
): TokenizerJson {
  const vocab = vocabularyOf(pieces.map(({ text }) => text));
  const isText = (piece: Piece) => piece.kind === PIECE.normal || piece.kind === PIECE.unused;
  const merges: { left: string; right: string; score: number; id: number }[] = [];
  for (const [id, piece] of pieces.entries()) {
    if (!isText(piece)) continue;
    for (let cut = 1; cut < piece.text.length; cut++) {
      const left = piece.text.slice(0, cut);
      const right = piece.text.slice(cut);
      const [leftId, rightId] = [vocab.get(left), vocab.get(right)];
      if (leftId === undefined || rightId === undefined) continue;
      if (isText(pieces[leftId]) && isText(pieces[rightId])) {
        merges.push({ left, right, score: piece.score, id });
      }
    }
  }
  // The order in which transformers' converter ranks the ways to make one piece. Sorting is stable.
  merges.sort((a, b) => b.score - a.score || a.id - b.id || b.left.length - a.left.length);
  const unknown = pieces.find(({ kind }) => kind === PIECE.unknown)?.text ?? null;
  const addedTokens = pieces.flatMap(({ text, kind }, id) => {
    if (kind === PIECE.control || kind === PIECE.unknown) return [addedToken(id, text, true)];
    return kind === PIECE.userDefined ? [addedToken(id, text.replaceAll(SPACE, " "), false)] : [];
  });
  return {
    ...COMMON,
    added_tokens: addedTokens,
    normalizer: null,
    pre_tokenizer: {
      type: "Metaspace",
      replacement: SPACE,
      prepend_scheme: spaceBefore ? "first" : "never",
      split: false,
    },
    decoder: {
      type: "Sequence",
      decoders: [
        { type: "Replace", pattern: { String: SPACE }, content: " " },
        { type: "ByteFallback" },
        { type: "Fuse" },
        ...(spaceBefore ? [{ type: "Strip", content: " ", start: 1, stop: 0 }] : []),
      ],
    },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: unknown,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: true,
      byte_fallback: pieces.some(({ kind }) => kind === PIECE.byte),
      ignore_merges: false,
      vocab: Object.fromEntries(vocab),
      merges: merges.map(({ left, right }) => [left, right]),
    },
  };
}

export interface ByteLevelWords {
  /** By id: words in the alphabet of byte-level BPE, special tokens as they are. */
  tokens: readonly string[];
  /** Ids of tokens that are found in text before anything is merged. */
  special: readonly { id: number; special: boolean }[];
  merges: readonly [string, string][];
  /** How text is cut into words: a pattern, or a whole pre-tokenizer. */
  split: string | object;
  /** A whole word that is in the vocabulary is not merged anew. */
  ignoreMerges: boolean;
}

/** A byte-level BPE model, as tiktoken's and GPT-2's are. @throws when two tokens have the same text */
export function fromByteLevelWords(words: ByteLevelWords): TokenizerJson {
  const { tokens, special, merges, split, ignoreMerges } = words;
  const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: false };
  const splitter = { type: "Split", pattern: { Regex: split }, behavior: "Isolated", invert: false };
  return {
    ...COMMON,
    added_tokens: special.map((token) => addedToken(token.id, tokens[token.id], token.special)),
    normalizer: null,
    pre_tokenizer:
      typeof split === "string" ? { type: "Sequence", pretokenizers: [splitter, byteLevel] } : split,
    decoder: byteLevel,
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: ignoreMerges,
      vocab: Object.fromEntries(vocabularyOf(tokens)),
      merges: [...merges],
    },
  };
}

const COMMON = { version: "1.0", truncation: null, padding: null, post_processor: null } as const;

function vocabularyOf(tokens: readonly string[]): Map<string, number> {
  const vocab = new Map<string, number>();
  for (const [id, token] of tokens.entries()) {
    if (vocab.has(token))
      throw new Error(`the token ${JSON.stringify(token)} stands twice in the vocabulary`);
    vocab.set(token, id);
  }
  return vocab;
}
