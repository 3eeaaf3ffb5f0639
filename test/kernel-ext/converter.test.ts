import assert from "node:assert/strict";
import { CellConverter } from "../../kernel-ext/converter.ts";

describe("converter of cells", () => {
  // One for all: tslab's module keeps the compiler of the first.
  let converter: CellConverter;
  before(() => {
    converter = new CellConverter();
  });
  // Its watch would keep the run of all tests alive.
  after(() => converter.close());

  it("lets an object take an earlier cell's variable by its name alone, but not one of an inner scope", () => {
    const first = converter.convert("", "const rate = 2;\nconst other = 3;");
    assert.ok(first.ok);
    const code = "const o = { rate };\nconst f = (other: number) => ({ other, n: { rate } });\nf";
    const second = converter.convert(first.declarations, code);
    assert.ok(second.ok);
    const exports: Record<string, unknown> = { rate: 2, other: 3 };
    new Function("exports", second.converted.output)(exports);
    assert.deepEqual(exports.o, { rate: 2 });
    assert.deepEqual((exports.f as (n: number) => object)(5), { other: 5, n: { rate: 2 } });
  });

  it("takes the exports of a pasted module for declarations, and moves no column", () => {
    const code =
      "export const a = 1, text = `\\nexport const b`;\nexport  function f() { return a; }\nexport interface Row { x: number }\n  export class C {}\nexport type T = Row;";
    const result = converter.convert("", code);
    assert.ok(result.ok, JSON.stringify(result));
    assert.match(result.declarations, /interface Row/);
    const exports: Record<string, unknown> = {};
    new Function("exports", result.converted.output)(exports);
    assert.deepEqual([exports.a, exports.text, (exports.f as () => number)()], [1, "\nexport const b", 1]);
    const wrong = converter.convert("", "export const count: number = 'x';");
    assert.ok(!wrong.ok);
    assert.deepEqual(
      wrong.diagnostics.map(({ start }) => [start.line, start.character]),
      [[0, 13]],
    );
  });

  it("runs a loop with for await as a cell that awaits, not one in a function", () => {
    const awaits = (code: string) => {
      const result = converter.convert("", code);
      assert.ok(result.ok);
      return result.converted.hasToplevelAwait;
    };
    assert.equal(awaits("for await (const x of [1]) { console.log(x); }"), true);
    assert.equal(awaits("if (true) { for await (const x of [1]) console.log(x); }"), true);
    assert.equal(awaits("async function f() { for await (const x of [1]) console.log(x); }"), false);
    assert.equal(awaits("for (const x of [1]) console.log(x);"), false);
  });
});
