import assert from "node:assert/strict";
import { join } from "node:path";
import { loadCsv } from "../../sdk/data/csv.ts";
import { DISPLAY, type Displayable } from "../../sdk/views/bundle.ts";

function shown(value: unknown) {
  return (value as Displayable)[DISPLAY]();
}

describe("data in a notebook", () => {
  it("shows a table with what was repaired and set aside, by line, and its first rows", async () => {
    const table = await loadCsv(join(import.meta.dirname, "../../data/ecommerce.fr.csv"));
    const bundle = shown(table);
    const page = bundle["text/html"]!;
    assert.match(page, /<span>rows<\/span> <b>695<\/b>/);
    assert.match(page, /<summary>Repaired: unquoted delimiter \(8\)<\/summary>/);
    assert.match(page, /<summary>Rejected \(5\)<\/summary>.*?line \d+<\/td><td[^>]*>[^<]*is empty/s);
    assert.match(page, /<summary>Duplicates \(2\)<\/summary>/);
    assert.match(page, /… and 687 more/);
    assert.ok(page.includes(table.rows[7].instruction.slice(0, 12)));
    assert.ok(bundle["text/plain"].startsWith(String(table.report).slice(0, 40)));
    const report = shown(table.report);
    assert.equal(report["text/plain"], String(table.report));
    assert.match(report["text/html"]!, /<span>delimiter<\/span> <b>comma<\/b>/);
    assert.deepEqual(Object.keys(JSON.parse(JSON.stringify(table.report))), Object.keys(table.report));
  });

  it("shows danfo.js frames and series, also those that are made of them", async () => {
    const table = await loadCsv(Buffer.from("question,answer,n\n<b>a</b>,b,1\nc,d,2\n"));
    const head = shown(table.frame.head(1));
    assert.match(head["text/html"]!, /<span>shape<\/span> <b>1 × 4<\/b>/);
    assert.match(head["text/html"]!, /<td[^>]*>&lt;b&gt;a&lt;\/b&gt;<\/td>/);
    assert.match(shown(table.frame.instruction)["text/plain"], /instruction\n0 +<b>a<\/b>\n1 +c/);
  });
});
