import assert from "node:assert/strict";
import { FRONT_END, frontEnd, Interruption } from "../../sdk/views/frontEnd.ts";
import { inNotebook, TestNotebook } from "./notebook.ts";

describe("front end", () => {
  it("is what the kernel has put there, and nothing in a script", async () => {
    assert.equal(FRONT_END, Symbol.for("mistral-lab.frontEnd"));
    assert.equal(frontEnd(), undefined);
    await inNotebook(new TestNotebook(), (notebook) => assert.equal(frontEnd(), notebook));
    assert.equal(frontEnd(), undefined);
  });

  it("remembers an interrupt when the next cell has begun, and follows the cell that runs", async () => {
    await inNotebook(new TestNotebook(), (notebook) => {
      const work = new Interruption();
      assert.equal(work.aborted, false);
      notebook.interrupt();
      assert.equal(work.aborted, true);
      assert.equal(work.aborted, true);
      const next = new Interruption();
      notebook.interrupt();
      assert.equal(next.aborted, true);
      const own = new AbortController();
      const given = new Interruption(own.signal);
      notebook.interrupt();
      assert.equal(given.aborted, false);
      own.abort();
      assert.equal(given.aborted, true);
    });
    assert.equal(new Interruption().aborted, false);
  });
});
