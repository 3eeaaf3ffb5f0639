// Messages of translation catalogues: gettext (.mo, .po) and Qt (.qm). Each message is a paragraph of its own,
// because a catalogue has no reading order.

/** Translations and originals of a compiled gettext catalogue, in its order. */
export function moMessages(file: Buffer): { original: string; translation: string }[] {
  const magic = file.readUInt32LE(0);
  if (magic !== 0x950412de && magic !== 0xde120495)
    throw new Error("not a gettext catalogue: bad magic number");
  const read =
    magic === 0x950412de ? (at: number) => file.readUInt32LE(at) : (at: number) => file.readUInt32BE(at);
  const count = read(8);
  const [originals, translations] = [read(12), read(16)];
  const text = (table: number, index: number) => {
    const at = table + 8 * index;
    return file.toString("utf8", read(at + 4), read(at + 4) + read(at));
  };
  const messages: { original: string; translation: string }[] = [];
  for (let i = 0; i < count; i++) {
    // A context stands before EOT, plural forms are split by NUL: take the plain first form.
    const original = text(originals, i).split("\u0004").at(-1)!.split("\0")[0];
    if (original) messages.push({ original, translation: text(translations, i).split("\0")[0] });
  }
  return messages;
}

/** Translations and originals of a textual gettext catalogue. Fuzzy and obsolete messages are left out. */
export function poMessages(file: string): { original: string; translation: string }[] {
  const messages: { original: string; translation: string }[] = [];
  for (const entry of file.split(/\n\s*\n/)) {
    if (/^#,.*\bfuzzy\b/m.test(entry)) continue;
    const field = (name: string) => {
      const found = new RegExp(`^${name}((?:\\s*"(?:[^"\\\\]|\\\\.)*")+)`, "m").exec(entry);
      return found ? [...found[1].matchAll(/"((?:[^"\\]|\\.)*)"/g)].map((m) => unquote(m[1])).join("") : "";
    };
    const original = field("msgid");
    const translation = field("msgstr") || field("msgstr\\[0\\]");
    if (original && translation) messages.push({ original, translation });
  }
  return messages;
}

function unquote(text: string): string {
  return text.replace(/\\(.)/g, (_, c) => (c === "n" ? "\n" : c === "t" ? "\t" : c));
}

/** Translations of a Qt catalogue (sections: tag byte, 32-bit length; messages are in section 0x69). */
export function qmMessages(file: Buffer): string[] {
  if (file.readUInt32BE(0) !== 0x3cb86418) throw new Error("not a Qt catalogue: bad magic number");
  const messages: string[] = [];
  for (let at = 16; at + 5 <= file.length; ) {
    const length = file.readUInt32BE(at + 1);
    if (file[at] === 0x69) messages.push(...qmSection(file.subarray(at + 5, at + 5 + length)));
    at += 5 + length;
  }
  return messages;
}

function qmSection(section: Buffer): string[] {
  const messages: string[] = [];
  let at = 0;
  while (at < section.length) {
    const tag = section[at++];
    if (tag === 1) continue; // end of a message
    if (tag === 5) {
      at += 4;
      continue;
    } // an obsolete hash, 4 bytes without a length
    const length = at + 4 <= section.length ? section.readUInt32BE(at) : 0;
    at += 4;
    if (length === 0xffffffff) continue; // no text
    if (tag === 3) messages.push(utf16(section.subarray(at, at + length)));
    at += length;
  }
  return messages;
}

function utf16(bytes: Buffer): string {
  return Buffer.from(bytes).swap16().toString("utf16le");
}
