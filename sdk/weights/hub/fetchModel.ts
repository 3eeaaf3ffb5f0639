/** A model of the Hugging Face hub into the standard cache: only the files that loading needs, at one commit. */
import {
  copyFileSync,
  existsSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statfsSync,
  symlinkSync,
} from "node:fs";
import { dirname, join, relative } from "node:path";
import { makeFolder, writeWhole } from "../../files.ts";
import { ggufParts } from "../gguf/parts.ts";
import { localPath } from "../modelPath.ts";
import { HubClient, HubError, type RetryOptions } from "./client.ts";
import { downloadBlob } from "./download.ts";
import {
  cachedCommit,
  type HubSource,
  hubSourceText,
  INDEX,
  indexedFiles,
  isCached,
  isCommit,
  parseHubSource,
  repoDir,
} from "./source.ts";

export interface DownloadProgress {
  /** The file that is being fetched. */
  file: string;
  /** Bytes that are there, of all files that are needed. */
  done: number;
  total: number;
  bytesPerSecond: number;
  /** Expected rest; infinite where nothing has come yet. */
  secondsLeft: number;
}

export interface FetchOptions extends RetryOptions {
  onProgress?: (progress: DownloadProgress) => void;
  /** Told what should be known: the hub cannot be reached and the cache's files are used as they are. */
  onNote?: (text: string) => void;
}

const TOKENIZER = ["tokenizer.json", "tokenizer_config.json", "chat_template.jinja"];
/** Read where there is no tokenizer.json. */
const OTHER_TOKENIZERS = ["tekken.json", "tokenizer.model.v3", "tokenizer.model"];
const BASE = ["config.json", "generation_config.json", ...TOKENIZER];
const ADAPTER = ["adapter_config.json", "adapter_model.safetensors", "mistral_lab.json", ...TOKENIZER];
const SINGLE = "model.safetensors";

/**
 * Makes sure that a model is on this machine.
 *
 * @param source a folder or file, which is left as it is; or "org/name", "org/name@revision",
 *   "org/name/file.gguf": fetched where the cache has it not
 * @returns the source, a hub's one with its commit: "org/name@0123…"
 * @throws HubError that tells apart: gated, missing, offline, busy; with what to do
 */
export async function fetchModel(source: string, options: FetchOptions = {}): Promise<string> {
  const hub = localPath(source) === undefined ? parseHubSource(source) : undefined;
  if (!hub) return source;
  const cached = cachedCommit(hub);
  const inCache = cached !== undefined && isCached(hub);
  if (inCache && isCommit(hub.revision)) return hubSourceText(hub, cached);
  if (isOffline()) {
    if (inCache) return hubSourceText(hub, cached);
    throw new HubError(
      "offline",
      `model "${source}": it is not (whole) in the cache, and HF_HUB_OFFLINE forbids to download it. Unset HF_HUB_OFFLINE, or give a folder with the model`,
    );
  }
  try {
    return await download(hub, new HubClient(options), options);
  } catch (error) {
    if (!(error instanceof HubError)) throw error;
    if (error.failure === "offline" && inCache) {
      options.onNote?.(`${error.message}; the cache's files of ${hub.repo} are used (commit ${cached})`);
      return hubSourceText(hub, cached);
    }
    throw new HubError(error.failure, `model "${source}": ${error.message}`, error.cause);
  }
}

/** As the Python library reads it. */
function isOffline(): boolean {
  const { HF_HUB_OFFLINE, TRANSFORMERS_OFFLINE } = process.env;
  return [HF_HUB_OFFLINE, TRANSFORMERS_OFFLINE].some((value) => /^(1|on|yes|true)$/i.test(value ?? ""));
}

interface Listed {
  path: string;
  size: number;
  oid?: string;
  lfs?: { oid: string; size: number };
}

async function download(hub: HubSource, client: HubClient, options: FetchOptions): Promise<string> {
  // Loaded where it is used: it takes longer to load than a model of the cache.
  const { modelInfo, listFiles } = await import("@huggingface/hub");
  const { repo, revision } = hub;
  const common = { hubUrl: client.endpoint, fetch: client.fetch };
  const { sha: commit } = await modelInfo({ name: repo, revision, additionalFields: ["sha"], ...common });
  if (!commit || !isCommit(commit)) {
    throw new HubError(
      "failed",
      `${client.endpoint}: expected the commit of ${repo}, got ${JSON.stringify(commit)}`,
    );
  }
  const listed = new Map<string, Listed>();
  for await (const entry of listFiles({ repo, revision: commit, ...common })) {
    if (entry.type === "file") listed.set(entry.path, entry);
  }
  const dir = repoDir(repo);
  const snapshot = join(dir, "snapshots", commit);
  for (const folder of [join(dir, "blobs"), join(dir, "refs"), snapshot]) makeFolder(folder);
  const fetchAll = (names: string[]) =>
    fetchFiles(
      names.map((name) => listed.get(name)!),
      hub,
      commit,
      client,
      options,
    );
  const needed = neededFiles(hub, listed);
  if (needed.includes(INDEX)) {
    await fetchAll([INDEX]);
    const shards = indexedFiles(readFileSync(join(snapshot, INDEX), "utf8"));
    const missing = shards.filter((shard) => !listed.has(shard));
    if (missing.length > 0) {
      throw new HubError(
        "failed",
        `${INDEX} names files that the repository has not: ${missing.slice(0, 5).join(", ")}`,
      );
    }
    needed.push(...shards);
  }
  await fetchAll(needed);
  if (!isCommit(revision)) {
    const ref = join(dir, "refs", revision);
    makeFolder(dirname(ref));
    writeWhole(ref, commit);
  }
  return hubSourceText(hub, commit);
}

/** @throws when the repository holds no model that can be loaded; says what it holds */
function neededFiles({ repo, file }: HubSource, listed: ReadonlyMap<string, Listed>): string[] {
  const has = (name: string) => listed.has(name);
  if (file) {
    const parts = ggufParts(file);
    const missing = parts.filter((part) => !has(part));
    if (missing.length === 0) return parts;
    throw new HubError("missing", `${repo} has no file ${missing[0]}; it has ${some(listed)}`);
  }
  if (has("adapter_config.json")) return ADAPTER.filter(has);
  const weights = [SINGLE, INDEX].find(has);
  if (has("config.json") && weights) {
    const other = has("tokenizer.json") ? undefined : OTHER_TOKENIZERS.find(has);
    return [...BASE.filter(has), ...(other ? [other] : []), weights];
  }
  const gguf = [...listed.keys()].filter((name) => name.endsWith(".gguf"));
  const next = gguf.length > 0 ? ` Name one of its GGUF files: ${repo}/${gguf[0]}` : "";
  throw new HubError(
    "missing",
    `${repo} has no config.json with ${SINGLE} or ${INDEX}, and no adapter; it has ${some(listed)}.${next}`,
  );
}

function some(listed: ReadonlyMap<string, Listed>): string {
  const names = [...listed.keys()];
  return `${names.slice(0, 8).join(", ") || "nothing"}${names.length > 8 ? ", …" : ""}`;
}

async function fetchFiles(
  files: Listed[],
  { repo }: HubSource,
  commit: string,
  client: HubClient,
  { onProgress }: FetchOptions,
): Promise<void> {
  const dir = repoDir(repo);
  const total = files.reduce((sum, { size }) => sum + size, 0);
  const blobOf = ({ lfs, oid }: Listed) => join(dir, "blobs", checkedName(lfs?.oid ?? oid));
  const missing = files.reduce((sum, file) => sum + (existsSync(blobOf(file)) ? 0 : file.size), 0);
  checkRoom(dir, missing);
  const begun = performance.now();
  let [before, fetched] = [0, 0];
  for (const file of files) {
    const blob = blobOf(file);
    const remote = {
      url: `${client.endpoint}/${repo}/resolve/${commit}/${encodeURIComponent(file.path)}`,
      size: file.size,
      checksum: file.lfs
        ? { kind: "sha256" as const, hex: file.lfs.oid }
        : { kind: "git" as const, hex: file.oid! },
    };
    let last: number | undefined;
    await downloadBlob(client, remote, blob, (there) => {
      // What was there before this call came at no speed.
      if (last !== undefined && there > last) fetched += there - last;
      last = there;
      const bytesPerSecond = fetched / ((performance.now() - begun) / 1000);
      const done = before + there;
      const secondsLeft = (total - done) / bytesPerSecond || 0;
      onProgress?.({ file: file.path, done, total, bytesPerSecond, secondsLeft });
    });
    before += file.size;
    link(blob, join(dir, "snapshots", commit, file.path));
  }
}

/** Checksums come from the server and become names of files. */
function checkedName(oid: string | undefined): string {
  if (oid && /^[0-9a-f]{40,64}$/.test(oid)) return oid;
  throw new HubError("failed", `the hub gave ${JSON.stringify(oid)} in place of a file's checksum`);
}

function checkRoom(dir: string, bytes: number): void {
  const { bavail, bsize } = statfsSync(dir);
  if (bytes <= bavail * bsize) return;
  throw new HubError(
    "failed",
    `${dir}: ${bytes} bytes are needed and ${bavail * bsize} are free. Free some room, or set HF_HOME to a folder on a larger disk`,
  );
}

function link(blob: string, name: string): void {
  if (existsSync(name)) return;
  const target = relative(dirname(name), blob);
  rmSync(name, { force: true }); // a link to nothing
  try {
    symlinkSync(target, name);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST" && readlinkSync(name) === target) return;
    // Windows wants rights for links.
    if (code !== "EPERM") throw error;
    copyFileSync(blob, name);
  }
}
