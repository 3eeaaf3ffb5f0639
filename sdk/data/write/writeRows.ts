/** Rows and records as text: JSON lines, or CSV as RFC 4180 has it with "\n" as record end. */

/** Quoted wherever a reader could take it for something else; so a second reading changes nothing. */
function csvCell(text: string): string {
  const plain = /^[\p{L}\p{N}][\p{L}\p{N} .!?()%€$@/_-]*$/u.test(text) && text.trim() === text;
  return plain ? text : `"${text.replaceAll('"', '""')}"`;
}

export function csvRecord(fields: readonly string[]): string {
  return `${fields.map(csvCell).join(",")}\n`;
}

export function jsonRow({ instruction, response }: { instruction: string; response: string }): string {
  return `${JSON.stringify({ instruction, response })}\n`;
}
