import assert from "node:assert/strict";
import { tokenSplitter } from "../../sdk/text/specialSplitter.ts";

const token = (id: number, content: string, lstrip = false, rstrip = false) => ({
  id,
  content,
  lstrip,
  rstrip,
});

describe("tokenSplitter", () => {
  it("finds the longest token at each place, from left to right", () => {
    const split = tokenSplitter([token(1, "<a"), token(2, "<a>"), token(3, "[x|y]"), token(4, "a><")]);
    assert.deepEqual(split("1<a>2<ab<a><a[x|y]."), ["1", 2, "2", 1, "b", 2, 1, 3, "."]);
    assert.deepEqual(split("<a>"), [2]);
    assert.deepEqual(split(""), []);
    assert.deepEqual(split("x|y"), ["x|y"]);
  });

  it("lets tokens swallow white space on their sides", () => {
    const split = tokenSplitter([token(1, "<l>", true), token(2, "<r>", false, true), token(3, "<n>")]);
    assert.deepEqual(split("a <l> b <r> c <n> d"), ["a", 1, " b ", 2, "c ", 3, " d"]);
    assert.deepEqual(split(" <l> <r> "), [1, " ", 2]);
  });

  it("leaves text alone without tokens", () => {
    assert.deepEqual(tokenSplitter([])("a </s>"), ["a </s>"]);
    assert.deepEqual(tokenSplitter([])(""), []);
  });
});
