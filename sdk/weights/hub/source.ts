/**
 * Names of models on the Hugging Face hub, and where the standard cache keeps them. The cache is the Python library's:
 * `models--org--name/` with `blobs/` (files by checksum), `snapshots/COMMIT/` (links to blobs by name) and `refs/`
 * (branch or tag to commit).
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { ggufParts } from "../gguf/parts.ts";

export interface HubSource {
  /** "org/name" */
  repo: string;
  /** One GGUF file of the repository; absent: the model in Hugging Face's format. */
  file?: string;
  /** A branch, a tag or a commit. */
  revision: string;
}

const NAME = /^([A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*)(?:\/([\w.-]+\.gguf))?(?:@([\w][\w./-]*))?$/;
const COMMIT = /^[0-9a-f]{40}$/;

/** "org/name", "org/name@revision" or "org/name/file.gguf@revision"; undefined for anything else. */
export function parseHubSource(source: string): HubSource | undefined {
  const [, repo, file, revision = "main"] = NAME.exec(source) ?? [];
  if (!repo || source.split(/[/@]/).some((part) => part.startsWith("..") || part === "")) return undefined;
  return { repo, revision, ...(file ? { file } : {}) };
}

/** The source with another revision; `parseHubSource` reads it back. */
export function hubSourceText({ repo, file }: HubSource, revision: string): string {
  return `${repo}${file ? `/${file}` : ""}@${revision}`;
}

export function isCommit(revision: string): boolean {
  return COMMIT.test(revision);
}

/** Folder of the cache: HF_HUB_CACHE, else HF_HOME/hub, else ~/.cache/huggingface/hub. */
export function hubCacheDir(): string {
  const { HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE } = process.env;
  return HF_HUB_CACHE || HUGGINGFACE_HUB_CACHE || join(hubHome(), "hub");
}

/** Folder of what the hub's programs keep: HF_HOME, else ~/.cache/huggingface. */
export function hubHome(): string {
  const { HF_HOME, XDG_CACHE_HOME } = process.env;
  return HF_HOME || join(XDG_CACHE_HOME || join(homedir(), ".cache"), "huggingface");
}

/** Folder of a repository in the cache. */
export function repoDir(repo: string): string {
  return join(hubCacheDir(), `models--${repo.replaceAll("/", "--")}`);
}

/** The commit that the cache knows for the source's revision; undefined where it knows none. */
export function cachedCommit({ repo, revision }: HubSource): string | undefined {
  if (isCommit(revision)) return revision;
  const ref = join(repoDir(repo), "refs", revision);
  if (!existsSync(ref)) return undefined;
  const commit = readFileSync(ref, "utf8").trim();
  return isCommit(commit) ? commit : undefined;
}

/** Folder or GGUF file of the source in the cache, whole or not; undefined where there is none. */
export function cachedPath(source: HubSource): string | undefined {
  const commit = cachedCommit(source);
  if (!commit) return undefined;
  const path = join(repoDir(source.repo), "snapshots", commit, source.file ?? "");
  return existsSync(path) ? path : undefined;
}

/** True when all files that loading needs are in the cache. */
export function isCached(source: HubSource): boolean {
  const path = cachedPath(source);
  if (!path) return false;
  if (source.file) return ggufParts(path).every((part) => existsSync(part));
  const has = (file: string) => existsSync(join(path, file));
  if (has("adapter_config.json")) return has("adapter_model.safetensors");
  if (!has("config.json")) return false;
  if (has("model.safetensors")) return true;
  if (!has(INDEX)) return false;
  // A damaged index is for the loader to complain about.
  return readdirSync(path).length > 2 && indexedFiles(readFileSync(join(path, INDEX), "utf8")).every(has);
}

export const INDEX = "model.safetensors.index.json";

/** The files that an index of shards names: plain names only, the others are left out. */
export function indexedFiles(json: string): string[] {
  try {
    const { weight_map: map } = JSON.parse(json) as { weight_map?: Record<string, unknown> };
    const names = new Set(Object.values(map ?? {}));
    return [...names].filter((name): name is string => typeof name === "string" && /^[\w.-]+$/.test(name));
  } catch {
    // openWeights reads the same file and says what is wrong with it.
    return [];
  }
}
