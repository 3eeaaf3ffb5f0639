import assert from "node:assert/strict";
import { type CsvOptions, loadCsv } from "../../sdk/data/csv.ts";
import { DISPLAY } from "../../sdk/views/bundle.ts";

const load = (text: string, options?: CsvOptions) => loadCsv(Buffer.from(text), options);

describe("the report of loadCsv", () => {
  it("says in words and in a notebook what it left out and which columns it took", async () => {
    const table = await load("FAQ\n2024\n\nquestion,answer\na,b\n# later\nc,\n\nprice,stock,shop\n1,2,x\n");
    const text = String(table.report);
    for (const line of [
      "(buffer): 1 row, 0 repairs, 1 rejected, 0 duplicates kept, 1 blank line skipped",
      "before the table: lines 1 to 3",
      "comments, not read: 1 line",
      "other table, not read: line 9, 1 record, columns price, stock, shop",
      'rejected: line 7, "answer" is empty: [c,]',
    ])
      assert.ok(text.split("\n").includes(line), `${line} in ${text}`);
    const html = String(table[DISPLAY]()["text/html"])
      .replace(/<[^>]+>/g, " ")
      .replace(/\s+/g, " ");
    for (const fact of [
      "instruction from question",
      "response from answer",
      "lines before the table 3",
      "comments, not read 1",
      "Rejected (1) line 7 &quot;answer&quot; is empty c,",
      "Other tables in the file, not read (1) line 9 1 record: price, stock, shop",
    ])
      assert.ok(html.includes(fact), `${fact} in ${html}`);
  });

  it("says that nothing stands below a header", async () => {
    const table = await load("question,answer\n");
    assert.match(String(table.report), /^no rows: nothing stands below the header$/m);
  });

  it("reports no repair for a row that it then rejects", async () => {
    const table = await load("instruction,response,expected\nq\n");
    assert.deepEqual([table.repairs.length, table.rejected.length], [0, 1]);
  });

  it("keeps duplicates and reports them", async () => {
    const table = await load("question,answer\nq,a\nq,b\n q , a\nq,a\n");
    assert.equal(table.rows.length, 4);
    assert.deepEqual(table.duplicates, [
      { line: 4, firstLine: 2 },
      { line: 5, firstLine: 2 },
    ]);
    assert.match(String(table.report), /^duplicate: line 4 of line 2$/m);
  });

  it("shows control characters in its report instead of sending them", async () => {
    const table = await load("question,\x1b[2Janswer,\x07\nq,a,1\nr,,2\n", {
      columns: { response: "\x1b[2Janswer" },
    });
    assert.deepEqual(table.columns, ["question", "\x1b[2Janswer", "\x07"]);
    assert.match(
      String(table.report),
      /^other columns, in fields: \\x07\nrejected: line 3, "\\x1b\[2Janswer" is empty: \[r,,2\]$/m,
    );
  });
});
