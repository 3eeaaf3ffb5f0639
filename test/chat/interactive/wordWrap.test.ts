import assert from "node:assert/strict";
import { textWidth, WordWrap } from "../../../sdk/chat/interactive/wordWrap.ts";

/** Back by so many columns, clear to the end of the line, or a character. */
const ESC = String.fromCharCode(27);
const TERMINAL = new RegExp(`${ESC}\\[(\\d+)D|(${ESC}\\[K)|([\\s\\S])`, "gu");

/** What a terminal of so many columns shows after these pieces; it knows line ends and the two escapes that are used. */
function shown(pieces: readonly string[], columns: number | undefined, column = 0): string {
  const lines = [[..." ".repeat(column)]];
  let at = column;
  const write = (text: string) => {
    for (const [, back, clear, char] of text.matchAll(TERMINAL)) {
      const line = lines.at(-1)!;
      if (back) at -= Number(back);
      else if (clear) line.length = at;
      else if (char === "\n") {
        lines.push([]);
        at = 0;
      } else {
        line[at++] = char;
        assert.ok(columns === undefined || at < columns, "the last column stays free");
      }
    }
    return true;
  };
  const wrap = new WordWrap({ write, ...(columns === undefined ? {} : { columns }) }, column);
  for (const piece of pieces) wrap.write(piece);
  return lines.map((line) => line.join("").trimEnd()).join("\n");
}

describe("WordWrap", () => {
  it("keeps words whole at the edge, however they come in pieces", () => {
    const text = "Ouvrez la rubrique et recopiez-y le numéro reçu par texto.";
    const expected = "Ouvrez la\nrubrique et\nrecopiez-y le\nnuméro reçu\npar texto.";
    assert.equal(shown([text], 15), expected);
    assert.equal(shown([...text], 15), expected);
    assert.equal(shown(text.match(/.{1,3}/g)!, 15), expected);
  });

  it("counts what stands before the text on its line", () => {
    assert.equal(shown(["rec", "opiez-y"], 16, 10), "\nrecopiez-y");
  });

  it("cuts a word that is longer than a line, and swallows the blank at an edge", () => {
    assert.equal(shown(["abcdefghij"], 5), "abcd\nefgh\nij");
    assert.equal(shown(["abcd", " ef"], 5), "abcd\nef");
  });

  it("keeps line ends, tabs and what has no width", () => {
    assert.equal(shown(["a\nb\tc"], 20), "a\nb\tc");
    assert.equal(textWidth("e\u0301té"), 3);
    assert.equal(textWidth("日本"), 4);
  });

  it("leaves text alone where the width is unknown", () => {
    const text = "x ".repeat(100).trimEnd();
    assert.equal(shown([text], undefined), text);
  });
});
