import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fetchModel } from "../../../sdk/weights/hub/fetchModel.ts";
import {
  assertWhole,
  FIRST,
  failure,
  hub,
  hubTest as it,
  QUICK,
  REPO,
  repoDir,
  snapshot,
} from "./tinyHub.ts";

describe("downloads", () => {
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
});
