import assert from "node:assert/strict";
import { join } from "node:path";
import { note, SUMMARY_FILE, summaryTable } from "../../bench/summary.ts";
import { inFolder } from "../inFolder.ts";

describe("the table of npm run bench:cpu", () => {
  it("says of each aim whether it is reached, and counts them", () =>
    inFolder(async (folder) => {
      const file = join(folder, "summary.jsonl");
      const before = process.env[SUMMARY_FILE];
      process.env[SUMMARY_FILE] = file;
      try {
        note({ what: "a share", value: "7 GB/s", beside: "read 10", ratio: 0.7, aim: 0.7 });
        note({ what: "a multiple", value: "19 tokens/s", beside: "peer: 10", ratio: 1.9, aim: 2 });
        note({ what: "shown only", value: "30 tokens/s", beside: "peer: 10", ratio: 3 });
      } finally {
        if (before === undefined) delete process.env[SUMMARY_FILE];
        else process.env[SUMMARY_FILE] = before;
      }
      assert.equal(
        summaryTable(file),
        [
          "what        measured     beside    ratio  aim",
          "a share     7 GB/s       read 10   70 %   70 %   reached",
          "a multiple  19 tokens/s  peer: 10  1.9 x  2.0 x  MISSED",
          "shown only  30 tokens/s  peer: 10  3.0 x",
          "",
          "1 of 2 aims reached",
        ].join("\n"),
      );
    }));
});
