/** Reads and checks the files of a tokenizer directory. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { readSentencePieceFile } from "./sentencePieceFile.ts";
import { readTekkenFile } from "./tekkenFile.ts";

const tokenizerFile = "tokenizer.json";
const configFile = "tokenizer_config.json";
/** Mistral's own formats, the newer one first; v1 to v3 are the names on its download pages. */
const tekkenFile = "tekken.json";
const otherFormats = [
  tekkenFile,
  "tokenizer.model.v3",
  "tokenizer.model.v2",
  "tokenizer.model",
  "tokenizer.model.v1",
];
const ownTokens = {
  tokenizer_class: "PreTrainedTokenizerFast",
  bos_token: "<s>",
  eos_token: "</s>",
  unk_token: "<unk>",
  clean_up_tokenization_spaces: false,
};
/** Newer checkpoints keep the chat template in its own file; it then wins over the one in the configuration. */
const templateFile = "chat_template.jinja";

const addedToken = z.looseObject({
  id: z.int().nonnegative(),
  content: z.string().min(1),
  special: z.boolean().default(false),
  lstrip: z.boolean().default(false),
  rstrip: z.boolean().default(false),
});
export type AddedToken = z.infer<typeof addedToken>;

const tokenizerJson = z.looseObject({
  added_tokens: z.array(addedToken),
  model: z.looseObject({
    type: z.string().optional(),
    // Not looked into: a vocabulary has up to 131 072 entries, and the library reads them anyway.
    vocab: z.custom<object>((value) => typeof value === "object" && value !== null, "expected an object"),
  }),
});

/** In configurations a token is its text, or an object that holds the text. */
const tokenText = z
  .union([z.string(), z.looseObject({ content: z.string() }).transform((token) => token.content)])
  .nullish();

const tokenizerConfig = z.looseObject({
  bos_token: tokenText,
  eos_token: tokenText,
  unk_token: tokenText,
  chat_template: z
    .union([z.string(), z.array(z.looseObject({ name: z.string(), template: z.string() }))])
    .nullish(),
  mistral_lab_space_before: z.boolean().nullish(),
  // These two change text before tokenizing in ways that the lab does not follow.
  remove_space: z.literal(false).nullish(),
  do_lowercase_and_remove_accent: z.literal(false).nullish(),
});

export interface TokenizerFiles {
  json: z.infer<typeof tokenizerJson>;
  config: z.infer<typeof tokenizerConfig>;
  template: string | undefined;
  /** File name → bytes as read. */
  files: ReadonlyMap<string, Uint8Array>;
}

/**
 * Reads tokenizer.json, tokenizer_config.json and, when it is there, chat_template.jinja. Where tokenizer.json is
 * missing, it is made of Mistral's own tekken.json or tokenizer.model, which need no configuration.
 * @throws when none of them is there, or one cannot be read, is not what it should be, or lacks a field
 */
export async function readTokenizerFiles(dir: string): Promise<TokenizerFiles> {
  const files = new Map<string, Uint8Array>();
  const readBytes = async (name: string): Promise<Buffer> => {
    const path = join(dir, name);
    try {
      const bytes = await readFile(path);
      files.set(name, bytes);
      return bytes;
    } catch (cause) {
      throw readError(path, cause);
    }
  };
  const read = async (name: string): Promise<unknown> => {
    const bytes = await readBytes(name);
    try {
      return JSON.parse(bytes.toString("utf8"));
    } catch (cause) {
      throw new Error(
        `${join(dir, name)}: expected JSON, got ${(cause as Error).message}. Is the download complete? Copy the file again.`,
        { cause },
      );
    }
  };
  const has = (name: string) => existsSync(join(dir, name));
  const other = has(tokenizerFile) ? undefined : otherFormats.find(has);
  if (other) {
    const path = join(dir, other);
    const made =
      other === tekkenFile
        ? readTekkenFile(await read(other), path)
        : readSentencePieceFile(await readBytes(other), path);
    const content = has(configFile) ? await read(configFile) : ownTokens;
    const { json, config, template, files: built } = checkTokenizerFiles(path, made, content);
    for (const [name, bytes] of built) files.set(name, bytes);
    return { json, config, template: (await readTemplate(dir, files)) ?? template, files };
  }
  const json = check(join(dir, tokenizerFile), tokenizerJson, await read(tokenizerFile));
  const config = check(join(dir, configFile), tokenizerConfig, await read(configFile));
  return { json, config, template: (await readTemplate(dir, files)) ?? templateOf(config), files };
}

async function readTemplate(dir: string, files: Map<string, Uint8Array>): Promise<string | undefined> {
  try {
    const bytes = await readFile(join(dir, templateFile));
    files.set(templateFile, bytes);
    return bytes.toString("utf8");
  } catch (cause) {
    if (!isMissing(cause)) throw readError(join(dir, templateFile), cause);
    return undefined;
  }
}

/**
 * The same from contents that were made of another format; `files` become those that Hugging Face would have.
 *
 * @param path of the source, for messages
 * @throws when a field is lacking
 */
export function checkTokenizerFiles(path: string, json: unknown, config: unknown): TokenizerFiles {
  // Metaspace in tokenizer.json adds no space before a text that begins with one, and sentencepiece does.
  const metaspace = JSON.stringify((json as { pre_tokenizer?: unknown }).pre_tokenizer ?? null);
  const spaceBefore = metaspace.includes('"Metaspace"') && metaspace.includes('"first"');
  const full = { ...(config as object), ...(spaceBefore ? { mistral_lab_space_before: true } : {}) };
  const checked = check(path, tokenizerConfig, full);
  const text = (value: unknown) => new TextEncoder().encode(`${JSON.stringify(value, null, 1)}\n`);
  return {
    json: check(path, tokenizerJson, json),
    config: checked,
    template: templateOf(checked),
    files: new Map([
      [tokenizerFile, text(json)],
      [configFile, text(full)],
    ]),
  };
}

function templateOf({ chat_template: own }: z.infer<typeof tokenizerConfig>): string | undefined {
  return (Array.isArray(own) ? own.find(({ name }) => name === "default")?.template : own) ?? undefined;
}

function isMissing(cause: unknown): boolean {
  return cause instanceof Error && "code" in cause && cause.code === "ENOENT";
}

function readError(path: string, cause: unknown): Error {
  return isMissing(cause)
    ? new Error(
        `${path}: the file is missing. A model directory needs ${tokenizerFile} and ${configFile}; copy them from the model's page.`,
        { cause },
      )
    : new Error(`${path}: the file cannot be read (${(cause as Error).message}). Check its rights.`, {
        cause,
      });
}

function check<T>(path: string, schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const problems = result.error.issues.map(
    ({ path, message }) => `${path.join(".") || "top level"}: ${message}`,
  );
  throw new Error(
    `${path}: this is not a tokenizer file that the lab can use.\n  ${problems.join("\n  ")}\nTake the file of a Mistral checkpoint in Hugging Face format.`,
  );
}
