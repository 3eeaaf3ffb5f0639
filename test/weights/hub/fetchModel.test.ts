import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { HubError } from "../../../sdk/weights/hub/client.ts";
import { type DownloadProgress, type FetchOptions, fetchModel } from "../../../sdk/weights/hub/fetchModel.ts";
import { parseHubSource } from "../../../sdk/weights/hub/source.ts";
import { resolveModelPath } from "../../../sdk/weights/modelPath.ts";
import { COMMIT, FakeHub, refuse, withHub } from "./server.ts";

const REPO = "lab/tiny";
const TOKEN = "hf_verySecretToken";
const QUICK: FetchOptions = { retries: 3, retryMs: 1, stallMs: 2000 };

const text = (value: string) => new TextEncoder().encode(value);
const bytes = (length: number, seed: number) =>
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
const NEEDED = [
  "config.json",
  "model-00001-of-00002.safetensors",
  "model-00002-of-00002.safetensors",
  "model.safetensors.index.json",
  "tokenizer.json",
  "tokenizer_config.json",
];
const FIRST = NEEDED[1];

const test = it;

describe("fetchModel", () => {
  let home: string;
  let hub: FakeHub;
  /** A test with a hub and an empty cache of its own. */
  const it = (what: string, body: () => Promise<void>) =>
    test(what, async () => {
      home = mkdtempSync(join(tmpdir(), "hub-"));
      hub = new FakeHub(REPO, repository());
      try {
        await withHub(hub, home, body);
      } finally {
        rmSync(home, { recursive: true, force: true });
      }
    });

  const repoDir = () => join(home, "hub", "models--lab--tiny");
  const snapshot = () => join(repoDir(), "snapshots", COMMIT);
  function assertWhole(files = NEEDED): void {
    assert.deepEqual(readdirSync(snapshot()).sort(), [...files].sort());
    for (const file of files) {
      assert.ok(readFileSync(join(snapshot(), file)).equals(hub.content.get(file)!), file);
    }
    const left = readdirSync(join(repoDir(), "blobs")).filter((name) => !/^[0-9a-f]+$/.test(name));
    assert.deepEqual(left, []);
  }
  async function failure(source = REPO, options = QUICK): Promise<HubError> {
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

  it("goes on where a connection broke", async () => {
    let breaks = 3;
    hub.fault = ({ host, path, range }, response) => {
      if (host !== "files" || !path.endsWith(FIRST) || breaks-- <= 0) return false;
      const content = hub.content.get(FIRST)!;
      const from = Number(range?.match(/\d+/)?.[0] ?? 0);
      const size = content.length;
      response.writeHead(range ? 206 : 200, {
        "content-length": size - from,
        ...(range ? { "content-range": `bytes ${from}-${size - 1}/${size}` } : {}),
      });
      response.write(content.subarray(from, from + 50_000), () => setTimeout(() => response.destroy(), 20));
      return true;
    };
    await fetchModel(REPO, QUICK);
    assertWhole();
    const ranges = hub.downloads("files", FIRST).map(({ range }) => range);
    assert.equal(ranges.length, 4);
    assert.equal(ranges[0], undefined);
    assert.match(ranges[3]!, /^bytes=\d+-$/);
    assert.ok(Number(ranges[3]!.slice(6, -1)) > 100_000, ranges.join());
  });

  it("begins anew where the server knows no ranges", async () => {
    let first = true;
    hub.fault = ({ host, path }, response) => {
      if (host !== "files" || !path.endsWith(FIRST)) return false;
      const content = hub.content.get(FIRST)!;
      response.writeHead(200, { "content-length": content.length });
      if (first) response.write(content.subarray(0, 90_000), () => setTimeout(() => response.destroy(), 20));
      else response.end(content);
      first = false;
      return true;
    };
    await fetchModel(REPO, QUICK);
    assertWhole();
  });

  it("keeps what is there when it gives up, and continues in the next call", async () => {
    hub.fault = ({ host, path, range }, response) => {
      if (host !== "files" || !path.endsWith(FIRST)) return false;
      if (range !== undefined) return response.destroy() !== undefined;
      response.writeHead(200, { "content-length": 200_000 });
      response.write(hub.content.get(FIRST)!.subarray(0, 60_000), () =>
        setTimeout(() => response.destroy(), 20),
      );
      return true;
    };
    const error = await failure();
    assert.equal(error.failure, "offline");
    assert.match(
      error.message,
      /^model "lab\/tiny": .*model-00001-of-00002\.safetensors: the connection broke at byte 60000 of 200000, 4 times without a new byte \(.*\)\. What is there was kept: try again to continue$/,
    );
    hub.fault = () => false;
    hub.asked.length = 0;
    await fetchModel(REPO, QUICK);
    assertWhole();
    assert.deepEqual(
      hub.downloads("files", FIRST).map(({ range }) => range),
      ["bytes=60000-"],
    );
  });

  it("gives up a connection that says nothing", async () => {
    let silent = true;
    hub.fault = ({ host, path }, response) => {
      if (host !== "files" || !path.endsWith(FIRST) || !silent) return false;
      silent = false;
      response.writeHead(200, { "content-length": 200_000 });
      response.write(hub.content.get(FIRST)!.subarray(0, 1000));
      return true;
    };
    await fetchModel(REPO, { ...QUICK, stallMs: 100 });
    assertWhole();
  });

  it("fetches a file again whose checksum is wrong, and refuses it the second time", async () => {
    let wrong = 1;
    const spoil = (file: string) => {
      hub.fault = ({ host, path }, response) => {
        if (
          !path.includes("/api/") &&
          path.endsWith(`/${file}`) &&
          (host === "files" || file === "config.json") &&
          wrong-- > 0
        ) {
          const content = hub.content.get(file)!.slice();
          content[7] ^= 1;
          response.writeHead(200, { "content-length": content.length }).end(content);
          return true;
        }
        return false;
      };
    };
    spoil(FIRST);
    await fetchModel(REPO, QUICK);
    assertWhole();
    for (const file of [FIRST, "config.json"]) {
      rmSync(repoDir(), { recursive: true });
      wrong = 2;
      spoil(file);
      const error = await failure();
      assert.equal(error.failure, "failed");
      const kind = file === FIRST ? "sha256 [0-9a-f]{64}" : "git checksum [0-9a-f]{40}";
      assert.match(
        error.message,
        new RegExp(`/${file}: expected the ${kind}, got [0-9a-f]+, twice: .*Nothing was kept`),
      );
      assert.ok(!existsSync(join(snapshot(), file)));
    }
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
    assert.match(error.message, /no connection \(.*\)\. Check the network, or HF_ENDPOINT$/);
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

  it("fetches a file once for two processes, and takes the lock of a dead one over", async () => {
    const child = spawn(process.execPath, ["-e", ""]);
    await new Promise((done) => child.once("exit", done));
    mkdirSync(join(repoDir(), "blobs"), { recursive: true });
    const lfs = createHash("sha256").update(hub.content.get(FIRST)!).digest("hex");
    writeFileSync(join(repoDir(), "blobs", `${lfs}.lock`), String(child.pid));
    await Promise.all([fetchModel(REPO, QUICK), fetchModel(REPO, QUICK)]);
    assertWhole();
    assert.equal(hub.downloads("files", FIRST).length, 1);
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
