import assert from "node:assert/strict";
import { existsSync, lstatSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { HubError } from "../../../sdk/weights/hub/client.ts";
import { type DownloadProgress, fetchModel } from "../../../sdk/weights/hub/fetchModel.ts";
import { parseHubSource } from "../../../sdk/weights/hub/source.ts";
import { resolveModelPath } from "../../../sdk/weights/modelPath.ts";
import { COMMIT, refuse } from "./server.ts";

import {
  assertWhole,
  bytes,
  FIRST,
  failure,
  home,
  hub,
  hubTest as it,
  NEEDED,
  QUICK,
  REPO,
  repoDir,
  snapshot,
  TOKEN,
  text,
} from "./tinyHub.ts";

describe("fetchModel", () => {
  it("fills the standard cache with the files that loading needs, at one commit", async () => {
    assert.equal(await fetchModel(REPO, QUICK), `${REPO}@${COMMIT}`);
    assertWhole();
    assert.equal(readFileSync(join(repoDir(), "refs", "main"), "utf8"), COMMIT);
    // As Python's huggingface_hub lays it out: relative links to blobs by sha256, or by git's checksum.
    const link = join(snapshot(), FIRST);
    assert.ok(lstatSync(link).isSymbolicLink());
    assert.match(readlinkSync(link), /^\.\.\/\.\.\/blobs\/[0-9a-f]{64}$/);
    assert.match(readlinkSync(join(snapshot(), "config.json")), /^\.\.\/\.\.\/blobs\/[0-9a-f]{40}$/);
    assert.equal(resolveModelPath(REPO), snapshot());
    assert.equal(resolveModelPath(`${REPO}@${COMMIT}`), snapshot());
    for (const file of ["pytorch_model.bin", "consolidated.safetensors", "README.md"]) {
      assert.deepEqual(hub.downloads("hub", file), []);
    }
  });

  it("asks nothing for a commit that is in the cache, and only for the commit of a branch", async () => {
    await fetchModel(REPO, QUICK);
    hub.asked.length = 0;
    assert.equal(await fetchModel(`${REPO}@${COMMIT}`, QUICK), `${REPO}@${COMMIT}`);
    assert.deepEqual(hub.asked, []);
    await fetchModel(REPO, QUICK);
    assert.deepEqual(hub.downloads("files", FIRST), []);
  });

  it("finds HF_HUB_CACHE before HF_HOME", async () => {
    process.env.HF_HUB_CACHE = join(home, "elsewhere");
    await fetchModel(REPO, QUICK);
    assert.ok(existsSync(join(home, "elsewhere", "models--lab--tiny", "snapshots", COMMIT, "config.json")));
  });

  it("tells how far it is, and when it will be done", async () => {
    const seen: DownloadProgress[] = [];
    await fetchModel(REPO, { ...QUICK, onProgress: (progress) => seen.push({ ...progress }) });
    const total = NEEDED.reduce((sum, file) => sum + hub.content.get(file)!.length, 0);
    const last = seen[seen.length - 1];
    assert.deepEqual([last.done, last.total, last.secondsLeft], [total, total, 0]);
    assert.ok(last.bytesPerSecond > 0);
    const halfway = seen.find(({ done, total }) => done > 200_000 && done < total)!;
    assert.ok(halfway.secondsLeft > 0 && Number.isFinite(halfway.secondsLeft));
  });

  it("sends the token to the hub, and not to the host that files are redirected to", async () => {
    process.env.HF_TOKEN = TOKEN;
    await fetchModel(REPO, QUICK);
    for (const { host, authorization } of hub.asked) {
      assert.equal(authorization, host === "hub" ? `Bearer ${TOKEN}` : undefined);
    }
    assert.equal(hub.downloads("files", FIRST).length, 1);
  });

  it("reads the token that a login left, and refuses one that no header can hold", async () => {
    writeFileSync(join(home, "token"), `${TOKEN}\n`);
    await fetchModel(REPO, QUICK);
    assert.equal(hub.asked[0].authorization, `Bearer ${TOKEN}`);
    process.env.HF_TOKEN = `${TOKEN} é`;
    assert.match((await failure("lab/other")).message, /^HF_TOKEN: expected a token such as hf_…/);
  });

  const refused: [string, number, string, string | undefined, HubError["failure"], RegExp][] = [
    [
      "a gated model without a token",
      401,
      "GatedRepo",
      undefined,
      "gated",
      /the model is gated and no token was sent \(401\)\. Accept its terms on http:\/\/127\.0\.0\.1:\d+\/lab\/tiny, make a token .* and set HF_TOKEN$/,
    ],
    [
      "a gated model with a token",
      403,
      "GatedRepo",
      TOKEN,
      "gated",
      /the model is gated and the account of your token has no access \(403\)/,
    ],
    [
      "a private or misspelt model",
      401,
      "RepoNotFound",
      undefined,
      "gated",
      /asks for an account and no token was sent \(401\)\. The model is private, gated or misspelt/,
    ],
    [
      "a token that is not valid",
      401,
      "",
      TOKEN,
      "gated",
      /asks for an account and your token is not valid here \(401\)/,
    ],
    [
      "a model that is not there",
      404,
      "RepoNotFound",
      undefined,
      "missing",
      /no such model on the hub \(404\)\. Check the name on http:/,
    ],
    [
      "a revision that is not there",
      404,
      "RevisionNotFound",
      undefined,
      "missing",
      /no such revision on the hub \(404\)/,
    ],
    [
      "a fault of the hub",
      500,
      "",
      undefined,
      "busy",
      /the hub has a fault \(500\), also after 3 repetitions\. Try again later$/,
    ],
    ["another status", 418, "", undefined, "failed", /expected the file, got status 418$/],
  ];
  for (const [what, status, code, token, kind, message] of refused) {
    it(`says what to do about ${what}`, async () => {
      if (token) process.env.HF_TOKEN = token;
      hub.fault = ({ authorization }, response) =>
        refuse(response, status, code, authorization ? { "x-echo": authorization } : {});
      const error = await failure();
      assert.match(error.message, message);
      assert.equal(error.failure, kind);
      assert.equal(hub.asked.length, status === 500 ? 4 : 1);
    });
  }

  it("waits as long as a busy hub asks, and says so where that is too long", async () => {
    let busy = 2;
    hub.fault = ({ path }, response) =>
      path.includes("/revision/") && busy-- > 0 && refuse(response, 429, "", { "retry-after": "0" });
    await fetchModel(REPO, { ...QUICK, retryMs: 60_000 });
    assertWhole();
    hub.fault = (_, response) => refuse(response, 429, "", { "retry-after": "3600" });
    const error = await failure("lab/tiny@other");
    assert.equal(error.failure, "busy");
    assert.match(error.message, /too many requests \(429\); it asks to wait 3600 seconds\. Try again then$/);
  });

  it("uses the cache offline, and says what is missing there", async () => {
    process.env.HF_HUB_OFFLINE = "1";
    const missing = await failure();
    assert.equal(missing.failure, "offline");
    assert.match(
      missing.message,
      /^model "lab\/tiny": it is not \(whole\) in the cache, and HF_HUB_OFFLINE forbids to download it\. Unset HF_HUB_OFFLINE, or give a folder/,
    );
    assert.deepEqual(hub.asked, []);
    delete process.env.HF_HUB_OFFLINE;
    await fetchModel(REPO, QUICK);
    hub.asked.length = 0;
    process.env.HF_HUB_OFFLINE = "1";
    assert.equal(await fetchModel(REPO, QUICK), `${REPO}@${COMMIT}`);
    assert.deepEqual(hub.asked, []);
    rmSync(join(snapshot(), FIRST));
    assert.equal((await failure()).failure, "offline");
  });

  it("uses the cache when the hub cannot be reached, and says so", async () => {
    process.env.HF_ENDPOINT = "http://127.0.0.1:9";
    const error = await failure();
    assert.equal(error.failure, "offline");
    assert.match(
      error.message,
      /no connection \(.*\)\. Check the network, or HF_ENDPOINT, or give a folder with the model$/,
    );
    process.env.HF_ENDPOINT = hub.endpoint;
    await fetchModel(REPO, QUICK);
    process.env.HF_ENDPOINT = "http://127.0.0.1:9";
    const notes: string[] = [];
    assert.equal(
      await fetchModel(REPO, { ...QUICK, onNote: (note) => notes.push(note) }),
      `${REPO}@${COMMIT}`,
    );
    assert.match(notes.join(), /no connection .*the cache's files of lab\/tiny are used \(commit 0123456789/);
  });

  it("fetches adapters and single GGUF files, and says what else a repository holds", async () => {
    hub.content.clear();
    hub.content.set("a.gguf", bytes(2000, 3)).set("b.gguf", bytes(3000, 3));
    const source = await fetchModel(`${REPO}/b.gguf`, QUICK);
    assert.equal(source, `${REPO}/b.gguf@${COMMIT}`);
    assert.equal(resolveModelPath(source), join(snapshot(), "b.gguf"));
    assertWhole(["b.gguf"]);
    assert.match(
      (await failure()).message,
      /lab\/tiny has no config\.json with model\.safetensors or .*, and no adapter; it has a\.gguf, b\.gguf\. Name one of its GGUF files: lab\/tiny\/a\.gguf$/,
    );
    assert.match(
      (await failure(`${REPO}/c.gguf`)).message,
      /lab\/tiny has no file c\.gguf; it has a\.gguf, b\.gguf$/,
    );
    const parts = ["c-00001-of-00002.gguf", "c-00002-of-00002.gguf"];
    hub.content.set(parts[0], bytes(2000, 4));
    assert.match(
      (await failure(`${REPO}/${parts[0]}`)).message,
      /has no file c-00002-of-00002\.gguf; it has a\.gguf/,
    );
    hub.content.set(parts[1], bytes(2000, 6));
    assert.equal(await fetchModel(`${REPO}/${parts[1]}`, QUICK), `${REPO}/${parts[1]}@${COMMIT}`);
    assertWhole(["b.gguf", ...parts]);
    rmSync(repoDir(), { recursive: true });
    hub.content.set("adapter_config.json", text("{}")).set("adapter_model.safetensors", bytes(2000, 5));
    await fetchModel(REPO, QUICK);
    assertWhole(["adapter_config.json", "adapter_model.safetensors"]);
  });

  it("refuses an index that names files which are not there, or outside", async () => {
    const index = (file: string) => text(JSON.stringify({ weight_map: { a: file } }));
    hub.content.set("model.safetensors.index.json", index("model-9.safetensors"));
    assert.match(
      (await failure()).message,
      /index\.json names files that the repository has not: model-9\.safetensors$/,
    );
    hub.content.set("model.safetensors.index.json", index("../../../outside"));
    rmSync(repoDir(), { recursive: true });
    await fetchModel(REPO, QUICK);
    assert.ok(!hub.asked.some(({ path }) => path.includes("outside")));
  });

  it("leaves names that are no hub's to others", async () => {
    assert.equal(await fetchModel("data/models/mini", QUICK), "data/models/mini");
    assert.equal(await fetchModel("no/such/model", QUICK), "no/such/model");
    for (const name of ["a", "a/b/c", "../a", "a/..", "/a/b", "a/b@", "a/b@../x", "a b/c", "a/b@x/../y"]) {
      assert.equal(parseHubSource(name), undefined, name);
    }
    assert.deepEqual(parseHubSource("a/b"), { repo: "a/b", revision: "main" });
    assert.deepEqual(parseHubSource("a/b/c.gguf@v1"), { repo: "a/b", file: "c.gguf", revision: "v1" });
  });
});
