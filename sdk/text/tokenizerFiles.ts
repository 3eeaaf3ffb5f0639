/** Reads and checks the files of a tokenizer directory. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";

const tokenizerFile = "tokenizer.json";
const configFile = "tokenizer_config.json";
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
 * Reads tokenizer.json, tokenizer_config.json and, when it is there, chat_template.jinja.
 * @throws when one of the first two is missing, or one cannot be read, is not JSON, or lacks a field
 */
export async function readTokenizerFiles(dir: string): Promise<TokenizerFiles> {
  const files = new Map<string, Uint8Array>();
  const read = async (name: string): Promise<unknown> => {
    const path = join(dir, name);
    let bytes: Buffer;
    try {
      bytes = await readFile(path);
    } catch (cause) {
      throw readError(path, cause);
    }
    files.set(name, bytes);
    try {
      return JSON.parse(bytes.toString("utf8"));
    } catch (cause) {
      throw new Error(
        `${path}: expected JSON, got ${(cause as Error).message}. Is the download complete? Copy the file again.`,
        { cause },
      );
    }
  };
  const json = check(join(dir, tokenizerFile), tokenizerJson, await read(tokenizerFile));
  const config = check(join(dir, configFile), tokenizerConfig, await read(configFile));

  let template: string | undefined;
  try {
    const bytes = await readFile(join(dir, templateFile));
    files.set(templateFile, bytes);
    template = bytes.toString("utf8");
  } catch (cause) {
    if (!isMissing(cause)) throw readError(join(dir, templateFile), cause);
    template = templateOf(config);
  }
  return { json, config, template, files };
}

/**
 * The same from contents that were made of another format; `files` become those that Hugging Face would have.
 *
 * @param path of the source, for messages
 * @throws when a field is lacking
 */
export function checkTokenizerFiles(path: string, json: unknown, config: unknown): TokenizerFiles {
  const checked = check(path, tokenizerConfig, config);
  const text = (value: unknown) => new TextEncoder().encode(`${JSON.stringify(value, null, 1)}\n`);
  return {
    json: check(path, tokenizerJson, json),
    config: checked,
    template: templateOf(checked),
    files: new Map([
      [tokenizerFile, text(json)],
      [configFile, text(config)],
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
