import assert from "node:assert/strict";
import { harmless } from "../../sdk/text/harmless.ts";

describe("harmless", () => {
  it("shows control characters, so that they cannot steer the terminal; line breaks and tabs stay", () => {
    assert.equal(harmless("é\n\t\u001b[2J\u0007"), "é\n\t\\x1b[2J\\x07");
    assert.equal(harmless("a\r\u007f\u009b2J\u0000"), "a\\x0d\\x7f\\x9b2J\\x00");
  });

  it("leaves all other text as it is", () => {
    const text = "«\u00a0Où est mon colis ?\u00a0» 😀 ⟦[INST]⟧ \\x1b";
    assert.equal(harmless(text), text);
  });
});
