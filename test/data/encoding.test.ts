import assert from "node:assert/strict";
import { Decoder, detectEncoding, encodings } from "../../sdk/data/detect/encoding.ts";

const allBytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
const oneByte = encodings.filter((encoding) => !encoding.startsWith("utf-"));

describe("encodings of one byte a character", () => {
  for (const encoding of oneByte)
    it(`${encoding}: every byte comes back`, () => {
      const decoder = new Decoder(encoding);
      const text = decoder.decode(allBytes, true);
      assert.equal(new Set(text).size, 256);
      assert.deepEqual(decoder.encode(text), allBytes);
    });

  // Not Windows-1252, which Node 20 reads as Latin-1.
  it("Mac OS Roman is that of the platform", () => {
    assert.equal(
      new Decoder("macintosh").decode(allBytes, true),
      new TextDecoder("macintosh").decode(allBytes),
    );
  });

  it("are told from each other by the letters in their words", () => {
    const texts = [
      "Où est l'entrée ? À gauche, près du « café », dès août.",
      "Größere Füße für schöne Häuser",
      "¿Cuándo llegará mi pedido? Mañana, señor.",
    ];
    for (const text of texts)
      for (const encoding of oneByte) {
        const bytes = new Decoder(encoding).encode(text);
        assert.equal(detectEncoding(bytes).encoding, encoding, `${encoding}: ${text}`);
      }
  });

  it("leave capitals, prices and the marks of prose to Windows-1252", () => {
    for (const text of [
      "DÉLAI : 5 €",
      "ÉTÉ À NOËL",
      "« non »",
      "20° à 30°",
      "It’s here—or there… isn’t it",
    ]) {
      const bytes = new Decoder("windows-1252").encode(text);
      assert.equal(detectEncoding(bytes).encoding, "windows-1252", text);
    }
  });
});
