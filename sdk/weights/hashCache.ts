/**
 * Remembers checksums of large files, so that a chat with an adapter need not read 14 GB before its first word. A file is
 * known by its place on the disk, its size and the time of its last change; one that was changed is hashed again.
 */
import { readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { cacheFolder, makeFolder, writeWhole } from "../files.ts";

/** Files that are hashed in less than a second need no memory of it. */
const LARGE_BYTES = 2 ** 30;
/** Models that are remembered; the oldest go first. */
const ENTRIES = 100;

export interface HashCacheOptions {
  /** Where it is kept; default `$XDG_CACHE_HOME/mistral-lab/hashes.json`, or in `~/.cache`. */
  file?: string;
  /** Bytes from which files are remembered. Default: 1 GiB. */
  from?: number;
}

/** The checksum of the files as they are now: remembered, or made by `compute` and remembered. */
export function rememberedHash(
  files: string[],
  compute: () => string,
  options: HashCacheOptions = {},
): string {
  const found = files.map((file) => statSync(file));
  if (found.reduce((sum, { size }) => sum + size, 0) < (options.from ?? LARGE_BYTES)) return compute();
  const stamp = found.map(({ dev, ino, size, mtimeMs }) => [dev, ino, size, mtimeMs].join(":")).join(" ");
  const file = options.file ?? join(cacheFolder(), "hashes.json");
  const known = readHashes(file);
  const before = known.get(stamp);
  if (before !== undefined) return before;
  const hash = compute();
  const entries = [...known, [stamp, hash] as const].slice(-ENTRIES);
  try {
    makeFolder(dirname(file));
    writeWhole(file, JSON.stringify(Object.fromEntries(entries)));
  } catch {
    // A home that cannot be written costs the time again, nothing else.
  }
  return hash;
}

function readHashes(file: string): Map<string, string> {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    return new Map(); // none yet
  }
  try {
    const entries = Object.entries(JSON.parse(text) as Record<string, unknown>);
    return new Map(
      entries.filter((entry): entry is [string, string] => /^[0-9a-f]{64}$/.test(String(entry[1]))),
    );
  } catch {
    return new Map(); // damaged: written anew
  }
}
