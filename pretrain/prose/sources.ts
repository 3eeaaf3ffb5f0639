// Reads pretrain/sources.json (which texts of which packages) and turns each into documents.

import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { gunzipSync } from "node:zlib";
import { moMessages, poMessages, qmMessages } from "./catalogue.ts";
import type { Language, Sieve } from "./clean.ts";
import { AptFolder } from "./debian.ts";
import { markupParagraphs } from "./markup.ts";
import {
  bookParagraphs,
  descriptionParagraphs,
  lineParagraphs,
  phpText,
  propertyValues,
  quotedStrings,
  wrappedParagraphs,
} from "./plain.ts";
import { rDataLines } from "./rdata.ts";
import { roffParagraphs } from "./roff.ts";

export interface ProseDocument {
  source: string;
  language: Language;
  text: string;
}

export interface Source {
  name: string;
  /** package to the version that the committed tokenizer and model were made with; none for the package list */
  packages: Record<string, string>;
  licence: string;
  why: string;
  /** what it gave to the corpus, by language */
  characters: Record<string, number>;
  texts: { path: string; format: string; language: string; limit?: number }[];
}

/** The list of sources. */
export const sources = JSON.parse(
  readFileSync(new URL("../sources.json", import.meta.url), "utf8"),
) as Source[];

// Paragraphs of one page follow each other; messages and descriptions stand alone.
const formats: Record<string, { read: (file: Buffer, language: Language) => string[]; running: boolean }> = {
  markup: { running: true, read: (file) => markupParagraphs(file.toString()) },
  roff: { running: true, read: (file) => roffParagraphs(file.toString()) },
  php: { running: true, read: (file, language) => phpText(file.toString(), language) },
  rdata: { running: true, read: (file, language) => bookParagraphs(rDataLines(file).join("\n"), language) },
  lines: { running: true, read: (file) => lineParagraphs(file.toString()) },
  wrapped: { running: false, read: (file) => wrappedParagraphs(file.toString()) },
  properties: { running: false, read: (file) => propertyValues(file.toString()) },
  strings: { running: true, read: (file) => quotedStrings(file.toString()) },
  descriptions: { running: false, read: (file) => descriptionParagraphs(file.toString()) },
  mo: { running: false, read: (file) => moMessages(file).flatMap((m) => m.translation.split(/\n{2,}/)) },
  "mo-original": {
    running: false,
    read: (file) => moMessages(file).flatMap((m) => m.original.split(/\n{2,}/)),
  },
  po: {
    running: false,
    read: (file) => poMessages(file.toString()).flatMap((m) => m.translation.split(/\n{2,}/)),
  },
  qm: { running: false, read: (file) => qmMessages(file).flatMap((text) => markupParagraphs(text)) },
};

// About 900 tokens: a document then fits in one training window.
const documentLength = 3000;

/**
 * Every document of every source, in a fixed order. Packages come from the package lists of today: the versions
 * that were read are put into `sources`, and a version other than the recorded one is said on standard error.
 */
export function* proseDocuments(folder: string, sieve: Sieve): Generator<ProseDocument> {
  const apt = new AptFolder(folder);
  const versions = apt.update(sources.flatMap((source) => Object.keys(source.packages)));
  for (const { name, packages, texts } of sources) {
    const trees = Object.entries(packages).map(([pack, recorded]) => {
      const version = versions.get(pack)!;
      if (recorded && version !== recorded)
        console.error(`${pack}: version ${version} instead of ${recorded}`);
      packages[pack] = version;
      return apt.unpack(pack, version);
    });
    if (trees.length === 0) trees.push(apt.lists);
    for (const { path, format, language, limit = Number.MAX_SAFE_INTEGER } of texts) {
      let left = limit; // characters
      for (const tree of trees) {
        const files = filesOf(tree).filter((file) => globPattern(path).test(file));
        if (files.length === 0) throw new Error(`${name}: no file in ${tree} matches ${path}`);
        for (const text of documents(tree, files, format, language as Language, sieve)) {
          if (left <= 0) break;
          left -= text.length;
          yield { source: name, language: language as Language, text };
        }
      }
      if (left === limit) throw new Error(`${name}: ${path} gave no paragraph that is ${language} prose`);
    }
  }
}

function* documents(
  tree: string,
  files: string[],
  format: string,
  language: Language,
  sieve: Sieve,
): Generator<string> {
  const reader = formats[format];
  if (!reader) throw new Error(`unknown format "${format}" (one of ${Object.keys(formats).join(", ")})`);
  for (const file of files) {
    let paragraphs: string[];
    try {
      const bytes = readFileSync(join(tree, file));
      paragraphs = reader.read(bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes, language);
    } catch (error) {
      throw new Error(`${join(tree, file)}: ${(error as Error).message}`);
    }
    let text = "";
    for (const paragraph of paragraphs) {
      const clean = sieve.take(paragraph, language);
      if (clean === undefined) continue;
      if (text && (!reader.running || text.length + clean.length > documentLength)) {
        yield text;
        text = "";
      }
      text += (text && "\n\n") + clean;
    }
    if (text) yield text;
  }
}

/** Paths of the files under a folder, sorted, so that the corpus does not depend on the disk's order. */
function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();
}

/** `*` is anything within a folder, `**` anything at all, `(a|b)` one of the two. */
export function globPattern(glob: string): RegExp {
  const body = glob
    .replace(/[.+^${}[\]\\]/g, "\\$&")
    .replace(/\*\*?/g, (stars) => (stars === "**" ? ".*" : "[^/]*"));
  return new RegExp(`^${body}$`);
}
