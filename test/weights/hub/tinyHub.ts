/** What the tests of downloads share: a hub with one small repository, and an empty cache for each test. */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { HubError } from "../../../sdk/weights/hub/client.ts";
import { type FetchOptions, fetchModel } from "../../../sdk/weights/hub/fetchModel.ts";
import { COMMIT, FakeHub, withHub } from "./server.ts";

export const REPO = "lab/tiny";
export const TOKEN = "hf_verySecretToken";
export const QUICK: FetchOptions = { retries: 3, retryMs: 1, stallMs: 2000 };

export const text = (value: string) => new TextEncoder().encode(value);
export const bytes = (length: number, seed: number) =>
  Uint8Array.from({ length }, (_, i) => (i * seed + (i >> 8)) & 255);

function repository(): Map<string, Uint8Array> {
  const map = { a: "model-00001-of-00002.safetensors", b: "model-00002-of-00002.safetensors" };
  return new Map([
    ["README.md", text("# Tiny")],
    ["config.json", text('{"model_type": "mistral"}')],
    ["consolidated.safetensors", bytes(5000, 3)],
    ["model-00001-of-00002.safetensors", bytes(200_000, 7)],
    ["model-00002-of-00002.safetensors", bytes(100_001, 11)],
    ["model.safetensors.index.json", text(JSON.stringify({ weight_map: map }))],
    ["pytorch_model.bin", bytes(4000, 5)],
    ["tokenizer.json", bytes(3000, 13)],
    ["tokenizer_config.json", text("{}")],
  ]);
}
export const NEEDED = [
  "config.json",
  "model-00001-of-00002.safetensors",
  "model-00002-of-00002.safetensors",
  "model.safetensors.index.json",
  "tokenizer.json",
  "tokenizer_config.json",
];
export const FIRST = NEEDED[1];

/** The cache of the test that runs. */
export let home: string;
/** The hub that it talks to. */
export let hub: FakeHub;
/** A test with a hub and an empty cache of its own. */
export const hubTest = (what: string, body: () => Promise<void>) =>
  it(what, async () => {
    home = mkdtempSync(join(tmpdir(), "hub-"));
    hub = new FakeHub(REPO, repository());
    try {
      await withHub(hub, home, body);
    } finally {
      rmSync(home, { recursive: true, force: true });
    }
  });

export const repoDir = () => join(home, "hub", "models--lab--tiny");
export const snapshot = () => join(repoDir(), "snapshots", COMMIT);
export function assertWhole(files = NEEDED): void {
  assert.deepEqual(readdirSync(snapshot()).sort(), [...files].sort());
  for (const file of files) {
    assert.ok(readFileSync(join(snapshot(), file)).equals(hub.content.get(file)!), file);
  }
  const left = readdirSync(join(repoDir(), "blobs")).filter((name) => !/^[0-9a-f]+$/.test(name));
  assert.deepEqual(left, []);
}
export async function failure(source = REPO, options = QUICK): Promise<HubError> {
  const error = await fetchModel(source, options).then(
    () => assert.fail("expected an error"),
    (caught: unknown) => caught as HubError,
  );
  assert.ok(
    !`${error.stack} ${error.cause} ${JSON.stringify(error)}`.includes(TOKEN),
    "the token is in the error",
  );
  assert.ok(!error.message.includes("Signature"), error.message);
  return error;
}
