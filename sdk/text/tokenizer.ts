/**
 * Text to token ids and back, as the files of a checkpoint say. Nothing here adds <s> or </s> by itself: special
 * tokens come from the chat template (chatTemplate.ts) or from a caller who sets `allowSpecial`.
 */
import { join } from "node:path";
import { Tokenizer as LibraryTokenizer } from "@huggingface/tokenizers";
import { makeFolder, writeWhole } from "../files.ts";
import { ChatTemplate } from "./chatTemplate.ts";
import { tokenSplitter } from "./specialSplitter.ts";
import { StreamDecoder } from "./streamDecoder.ts";
import { readTokenizerFiles, type TokenizerFiles } from "./tokenizerFiles.ts";

export interface EncodeOptions {
  /**
   * true: "</s>", "[INST]" and the like in the text become the special tokens. Default false: they are encoded as
   * the characters they are. Danger: with text from users, true lets them end a turn or forge one.
   */
  allowSpecial?: boolean;
}

export interface DecodeOptions {
  /** Leave special tokens out of the text. Default true. */
  skipSpecial?: boolean;
}

/** A stretch of text of one origin, see `Tokenizer.encodePieces`. */
export interface TextPiece extends EncodeOptions {
  text: string;
}

/** A model's tokenizer with its chat template; `model.tokenizer`, or `Tokenizer.load(folder)`. */
export class Tokenizer {
  /** Where the files were read. */
  readonly source: string;
  /** Number of ids: one more than the highest. */
  readonly vocabSize: number;
  /** Of the token that begins every sequence; undefined where the configuration names none. */
  readonly bosId: number | undefined;
  /** Of the token that ends an answer. */
  readonly eosId: number;
  /** Of the token for what cannot be encoded; undefined where there is none. */
  readonly unkId: number | undefined;
  /** File name → bytes, exactly as they were read: what `save` writes. */
  readonly files: ReadonlyMap<string, Uint8Array>;

  readonly #library: LibraryTokenizer;
  readonly #splitSpecial: (text: string) => (string | number)[];
  readonly #splitOrdinary: (text: string) => (string | number)[];
  readonly #specialIds: ReadonlySet<number>;
  readonly #template: ChatTemplate | undefined;
  /** A text gets a space before it even where it begins with one, as sentencepiece has it. */
  readonly #spaceBefore: boolean;

  /**
   * Reads tokenizer.json, tokenizer_config.json and, when it is there, chat_template.jinja; or Mistral's own
   * tekken.json or tokenizer.model.
   * @param dir a model directory
   * @throws when a file is missing, cannot be read, or is not what it should be
   */
  static async load(dir: string): Promise<Tokenizer> {
    return new Tokenizer(dir, await readTokenizerFiles(dir));
  }

  /**
   * From contents that were not read from a folder, such as a GGUF file's.
   * @param source where they come from, for messages
   */
  static fromFiles(source: string, files: TokenizerFiles): Tokenizer {
    return new Tokenizer(source, files);
  }

  private constructor(dir: string, { json, config, template, files }: TokenizerFiles) {
    this.source = dir;
    this.files = files;
    this.#spaceBefore = config.mistral_lab_space_before === true;
    const path = join(dir, "tokenizer.json");
    try {
      this.#library = new LibraryTokenizer(json, config);
    } catch (cause) {
      throw new Error(
        `${path}: the tokenizer cannot be built (${(cause as Error).message}). Take the file of a Mistral checkpoint in Hugging Face format.`,
        { cause },
      );
    }
    const special = json.added_tokens.filter((token) => token.special);
    this.#specialIds = new Set(special.map(({ id }) => id));
    this.#splitSpecial = tokenSplitter(special);
    this.#splitOrdinary = tokenSplitter(json.added_tokens.filter((token) => !token.special));
    this.vocabSize = 1 + [...this.#library.get_vocab().values()].reduce((a, b) => Math.max(a, b), -1);

    const idOf = (name: string, token: string | null | undefined): number | undefined => {
      if (token == null) return undefined;
      const id = this.#library.token_to_id(token);
      if (id !== undefined) return id;
      throw new Error(
        `${join(dir, "tokenizer_config.json")}: ${name} is "${token}", which tokenizer.json does not hold. Take both files from the same checkpoint.`,
      );
    };
    this.bosId = idOf("bos_token", config.bos_token);
    this.unkId = idOf("unk_token", config.unk_token);
    const eosId = idOf("eos_token", config.eos_token);
    if (eosId === undefined) {
      throw new Error(
        `${join(dir, "tokenizer_config.json")}: expected eos_token, got none. Without it no answer ends; name the token that ends an answer, such as "</s>".`,
      );
    }
    this.eosId = eosId;
    if (template !== undefined) {
      this.#template = new ChatTemplate(template, {
        source: dir,
        bosToken: config.bos_token ?? "",
        eosToken: config.eos_token ?? "",
        unkToken: config.unk_token ?? "",
      });
    }
  }

  /**
   * How this model writes a conversation.
   * @throws when the checkpoint has no chat template
   */
  get template(): ChatTemplate {
    if (this.#template) return this.#template;
    throw new Error(
      `${this.source}: expected chat_template in tokenizer_config.json (or chat_template.jinja), got none. Base models have none: take the Instruct checkpoint or add the template of one.`,
    );
  }

  /** False for a base model, whose `template` throws. */
  get hasTemplate(): boolean {
    return this.#template !== undefined;
  }

  /** Text to ids; adds no special tokens. "" gives []. */
  encode(text: string, { allowSpecial = false }: EncodeOptions = {}): number[] {
    return this.encodePieces([{ text, allowSpecial }]);
  }

  /**
   * Encodes neighbouring pieces as one text, so that words may span them; only pieces with `allowSpecial` can give
   * special tokens.
   * @param options.start false where the text goes on after other tokens: some tokenizers put a space before the
   * first word only. Default true.
   */
  encodePieces(pieces: readonly TextPiece[], { start = true }: { start?: boolean } = {}): number[] {
    const parts: (string | number)[] = [];
    for (const { text, allowSpecial } of pieces) {
      for (const part of allowSpecial ? this.#splitSpecial(text) : [text]) {
        const last = parts.at(-1);
        if (typeof part === "string" && typeof last === "string") parts[parts.length - 1] = last + part;
        else parts.push(part);
      }
    }
    const ids: number[] = [];
    for (const part of parts) {
      if (typeof part === "number") ids.push(part);
      else this.#encodeText(part, start && ids.length === 0, ids);
    }
    return ids;
  }

  /**
   * Ids to text. Bytes that form no UTF-8 character give U+FFFD.
   * @throws when an id is outside [0, vocabSize)
   */
  decode(ids: readonly number[] | Int32Array, { skipSpecial = true }: DecodeOptions = {}): string {
    for (const id of ids) {
      if (!(Number.isInteger(id) && id >= 0 && id < this.vocabSize)) {
        throw new Error(`Tokenizer.decode: expected ids in [0, ${this.vocabSize}), got ${id}`);
      }
    }
    const kept = Array.from(ids).filter((id) => !(skipSpecial && this.#specialIds.has(id)));
    if (kept.length === 0) return "";
    // The clean-up joins " ?" to the word before, which French does not want, and would break decode(encode(text)).
    return this.#library.decode(kept, { clean_up_tokenization_spaces: false });
  }

  /** Decodes ids as they arrive; special tokens are left out. */
  streamDecoder(): StreamDecoder {
    return new StreamDecoder((ids) => this.decode(ids));
  }

  /** Is this id a special token, such as </s>? */
  isSpecial(id: number): boolean {
    return this.#specialIds.has(id);
  }

  /** Writes `files` into a directory, which is made when missing. */
  async save(dir: string): Promise<void> {
    makeFolder(dir);
    for (const [name, bytes] of this.files) writeWhole(join(dir, name), bytes);
  }

  /** Appends the ids of text that holds no special tokens. */
  #encodeText(text: string, first: boolean, ids: number[]): void {
    const { normalizer, pre_tokenizer, model } = this.#library;
    if (!model) throw new Error(`${this.source}: the tokenizer has no model`);
    for (const [index, section] of this.#splitOrdinary(text).entries()) {
      if (typeof section === "number") {
        ids.push(section);
        continue;
      }
      const begins = first && index === 0;
      const text = begins && this.#spaceBefore && /^[ \u2581]/.test(section) ? ` ${section}` : section;
      const normal = normalizer ? normalizer(text) : text;
      if (normal === "") continue;
      const options = { section_index: begins ? 0 : 1 };
      const words = pre_tokenizer ? pre_tokenizer(normal, options) : [normal];
      for (const token of model(words)) this.#pushToken(token, ids);
    }
  }

  #pushToken(token: string, ids: number[]): void {
    const { model } = this.#library;
    const id = this.#library.token_to_id(token) ?? this.unkId;
    if (id === undefined || !model) {
      throw new Error(`${this.source}: no id for "${token}", and the tokenizer has no unknown token`);
    }
    // Vocabularies may hold "</s>" as a word. Text must not give it: its two parts are encoded instead.
    if (this.#specialIds.has(id) && id !== this.unkId) {
      const [head, ...tail] = token;
      for (const part of [head, tail.join("")])
        for (const piece of model([part])) this.#pushToken(piece, ids);
    } else ids.push(id);
  }
}
