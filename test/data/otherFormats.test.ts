import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { loadCsv } from "../../sdk/data/csv.ts";
import { Random } from "../../sdk/data/random.ts";

const sheet = "Open it in a spreadsheet program and save the sheet as CSV (UTF-8).";
const packed = "Unpack it and give the file inside.";
const other = "Export the questions and answers as CSV, JSON or Parquet.";

/** The beginning of a ZIP archive whose first files have these names. */
function zip(...names: string[]): Buffer {
  return Buffer.concat(
    names.flatMap((name) => [
      Buffer.from("504b0304140000000800", "hex"),
      Buffer.alloc(20),
      Buffer.from(name),
    ]),
  );
}

const files: [string, Buffer, string][] = [
  ["an Excel workbook (.xlsx)", zip("[Content_Types].xml", "_rels/.rels", "xl/workbook.xml"), sheet],
  [
    "an OpenDocument sheet (.ods)",
    zip("mimetypeapplication/vnd.oasis.opendocument.spreadsheet", "content.xml"),
    sheet,
  ],
  ["a Word document (.docx)", zip("[Content_Types].xml", "word/document.xml"), other],
  ["a ZIP archive", zip("faq.csv"), packed],
  [
    "an Office file of before 2007 (.xls, .doc)",
    Buffer.concat([Buffer.from("d0cf11e0a1b11ae1", "hex"), Buffer.alloc(600)]),
    sheet,
  ],
  ["a gzip file", gzipSync("question,answer\na,b\n"), packed],
  ["a PDF document", Buffer.from("%PDF-1.7\n1 0 obj\n"), other],
  ["an image (PNG)", Buffer.from("89504e470d0a1a0a0000000d49484452", "hex"), other],
  ["an SQLite database", Buffer.from(`SQLite format 3\0${"\0".repeat(500)}`), other],
  [
    "a web page (HTML)",
    Buffer.from("\ufeff\n<!DOCTYPE html><table><tr><td>Question</td></tr></table>"),
    sheet,
  ],
  ["an XML file", Buffer.from('<?xml version="1.0"?><faq/>'), other],
];

describe("files that are no text", () => {
  for (const [what, bytes, next] of files)
    it(`refuses ${what}, and says what to do`, async () => {
      await assert.rejects(loadCsv(bytes), {
        message: `(buffer): expected a text (CSV, JSON, a dialogue) or Parquet, got ${what}. ${next}`,
      });
    });

  it("refuses other bytes: at random, and with many NULs", async () => {
    const random = new Random(3);
    const bytes = Buffer.from(Array.from({ length: 20_000 }, () => random.int(256)));
    for (const file of [bytes, Buffer.alloc(3000, "SQL\0\0\x02\0")])
      await assert.rejects(loadCsv(file), {
        message:
          "(buffer): expected a text (CSV, JSON, a dialogue) or Parquet, got a binary file. Check the path, or export the table again.",
      });
  });

  it("reads a text with NULs in every cell, or behind it", async () => {
    const text = `question,answer\n${"Où ?,Là-bas\n".repeat(20)}`;
    for (const file of [text.replaceAll("\n", "\0\n"), text + "\0".repeat(9000)])
      assert.equal((await loadCsv(Buffer.from(file))).rows.length, 20);
  });

  it("reads text that begins like one of them, or holds their marks", async () => {
    for (const text of [
      "question,answer\nWhat is PK?,A letter pair; see xl/ and word/\n",
      "question,answer\nWrite a page,<!DOCTYPE html><html></html>\n",
      'PK,"BZ, GIF8"\n<html>,%PDF-\n',
      "question,answer\n\x07Bell?,\x08\x08\x1aIt rings\n",
    ])
      assert.ok((await loadCsv(Buffer.from(text))).rows.length > 0, text);
  });
});
