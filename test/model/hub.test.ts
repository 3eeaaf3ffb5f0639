import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { useDevice } from "../../sdk/backend/device.ts";
import { loadModel } from "../../sdk/model/load.ts";
import { attachLora } from "../../sdk/model/lora.ts";
import { GoldenModels } from "../goldens/models.ts";
import { HOST } from "../host.ts";
import { COMMIT, FakeHub, withHub } from "../weights/hub/server.ts";

const REPO = "lab/nemo";

describe("a model of the hub", () => {
  let models: GoldenModels;
  let dir: string;
  let hub: FakeHub;
  before(async () => {
    await useDevice(HOST);
    models = new GoldenModels();
    const { source } = await models.load("family/nemo");
    const files = readdirSync(source);
    hub = new FakeHub(REPO, new Map(files.map((file) => [file, readFileSync(join(source, file))])));
  });
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "hub-model-"));
  });
  afterEach(() => rmSync(dir, { recursive: true }));
  after(() => models.remove());

  it("is loaded by its name; an adapter on it records the commit, and finds it again", () =>
    withHub(hub, join(dir, "home"), async () => {
      const base = await loadModel(REPO);
      assert.equal(base.source, `${REPO}@${COMMIT}`);
      await attachLora(base, { r: 2 }).save(join(dir, "adapter"));
      const config = JSON.parse(readFileSync(join(dir, "adapter", "adapter_config.json"), "utf8"));
      assert.deepEqual([config.base_model_name_or_path, config.revision], [REPO, COMMIT]);
      // main moves on; the adapter's base does not.
      hub.commit = COMMIT.replace("0", "f");
      hub.asked.length = 0;
      const tuned = await loadModel(join(dir, "adapter"));
      assert.equal(tuned.source, `${REPO}@${COMMIT}`);
      assert.deepEqual(hub.asked, []);
      assert.equal((await loadModel(REPO)).source, `${REPO}@${hub.commit}`);
    }));
});
