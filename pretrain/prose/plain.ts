// Paragraphs of plain text in its various dresses: wrapped e-texts, one paragraph a line, property files,
// package descriptions, and texts inside program files.

/** Paragraphs divided by blank lines, their wrapped lines joined. Numbered "markers" split like blank lines. */
export function wrappedParagraphs(text: string): string[] {
  return text
    .replace(/\r/g, "")
    .split(/\n[ \t]*(?=\n)|\n%+(?=\n)/)
    .map((paragraph) =>
      paragraph
        .replace(/(\p{L})-\n\s*(?=\p{L})/gu, "$1-") // "dit-" and "elle" on two lines are one word
        .replace(/\s+/g, " ")
        .trim(),
    )
    .filter(Boolean);
}

/** E-texts write dashes as hyphens and, in French, no space before ";" and "?": use today's form. */
export function bookParagraphs(text: string, language: "fr" | "en"): string[] {
  return wrappedParagraphs(text).map((paragraph) => {
    const dashed = paragraph.replace(/^-- ?/, "— ").replace(/--/g, " — ").replace(/_/g, "");
    return language === "fr" ? dashed.replace(/(\p{L})([;:!?])/gu, "$1 $2") : dashed;
  });
}

/** The heredoc of a PHP text provider. */
export function phpText(program: string, language: "fr" | "en"): string[] {
  const found = /<<<'EOT'\n([\s\S]*?)\nEOT/.exec(program);
  if (!found) throw new Error("no text between <<<'EOT' and EOT");
  return bookParagraphs(found[1], language);
}

/** One paragraph a line. */
export function lineParagraphs(text: string): string[] {
  return text.split(/\r?\n/);
}

/** Values of "key=value" lines (Java properties), with \\u escapes and continued lines. */
export function propertyValues(text: string): string[] {
  return text
    .replace(/\\\r?\n\s*/g, "")
    .split(/\r?\n/)
    .map((line) => /^[^#=\s][^=]*=(.*)$/.exec(line)?.[1] ?? "")
    .map((value) => value.replace(/\\u([\da-f]{4})/gi, (_, c) => String.fromCharCode(Number.parseInt(c, 16))))
    .map((value) => value.replace(/\\n/g, " ").replace(/\\(.)/g, "$1"));
}

/** Quoted strings of a program text (Lua dialogues and the like). */
export function quotedStrings(text: string): string[] {
  return [...text.matchAll(/"((?:[^"\\\n]|\\.)*)"/g)].map((m) =>
    m[1].replace(/\\n/g, " ").replace(/\\(.)/g, "$1"),
  );
}

/** Long descriptions of a Debian package list ("Description-fr:" fields): list items and headings are left out. */
export function descriptionParagraphs(list: string): string[] {
  const paragraphs: string[] = [];
  for (const entry of list.split(/\n\n+/)) {
    const body = /^Description-(?!md5)\w+: .*\n((?: .*\n?)*)/m.exec(entry)?.[1] ?? "";
    for (const part of body.split(/^ \.\s*$/m)) {
      // Lines with a second space are verbatim: lists and tables.
      if (/^ {2}|^ [-*•]/m.test(part)) continue;
      paragraphs.push(part.replace(/\s+/g, " ").trim());
    }
  }
  return paragraphs;
}
