/**
 * Processor time of `loadCsv` per MB on files of unlucky shapes, at sizes that double: it must not grow.
 * `npx tsx bench/csvShapes.bench.ts [largest MB] [shape]`. The shapes are what repairs, guesses and limits look at.
 */
import { loadCsv } from "../sdk/data/csv.ts";

const largest = Number(process.argv[2] ?? 4);
const header = "question,answer\n";
const row = (i: number) => `What is part ${i}?,It is the part number ${i}.\n`;
/** `size` characters of what `piece` gives. */
function filled(size: number, piece: (i: number) => string): string {
  const parts: string[] = [];
  let length = 0;
  for (let i = 0; length < size; i++) {
    parts.push(piece(i));
    length += parts[i].length;
  }
  return parts.join("");
}

const shapes: Record<string, (size: number) => string> = {
  clean: (size) => header + filled(size, row),
  "one line of delimiters": (size) => header + ",".repeat(size),
  "one line without an end": (size) => header + "a".repeat(size),
  "one quote, never closed": (size) => `${header}What?,"${filled(size, row)}`,
  "a quote never closed in every row": (size) => header + filled(size, (i) => `What is ${i}?,"It is ${i}.\n`),
  "quotes only": (size) => header + '"'.repeat(size),
  "quotes and delimiters": (size) => header + '",'.repeat(size / 2),
  "quotes and lines": (size) => header + '"\n'.repeat(size / 2),
  "inner quotes in every row": (size) =>
    header + filled(size, (i) => `"Is "${i}" it?","It "is" ${i}, or "so"."\n`),
  "wide rows with broken quotes": (size) => filled(size, () => `${'"a"b,'.repeat(2000)}c\n`),
  "wide clean rows": (size) => filled(size, () => `${"ab,".repeat(2000)}c\n`),
  "a row of many cells among short ones": (size) =>
    header + filled(size, (i) => (i % 50 === 9 ? `${"x,".repeat(500)}\n` : row(i))),
  "unquoted line breaks": (size) =>
    header + filled(size, (i) => `What is ${i}?,It is:\n- one\n- two, or\n- three\n`),
  "lines of one word": (size) => header + filled(size, () => "word\n"),
  "blank lines": (size) => header + row(1) + "\n".repeat(size),
  blanks: (size) => header + " ".repeat(size),
  "blanks and quotes": (size) => header + ' "'.repeat(size / 2),
  "a long preamble": (size) =>
    filled(size, (i) => `A line of words, number ${i}, before the table\n`) + header + filled(1000, row),
  comments: (size) => header + filled(size, (i) => `# comment ${i}\n${row(i)}`),
  "many tables": (size) => filled(size, (i) => `name${i},price\npen,${i}\ncup,3\n\n`),
  "many headers": (size) => filled(size, (i) => header + row(i)),
  "surplus separators": (size) => header + filled(size, (i) => `What is ${i}?,,It is ${i}.,,,\n`),
  "missing separators": (size) => header + filled(size, (i) => `"What is ${i}?""It is ${i}."\n`),
  "other delimiters": (size) =>
    header + filled(size, (i) => `What is ${i}?;It is ${i}.\nWho is ${i}?\tHe is ${i}.\n`),
  backslashes: (size) => `"question","answer"\n"Is \\"it\\"?","Yes."\n"${"\\".repeat(size)}`,
  NULs: (size) => header + filled(size, (i) => row(i).replace("is", "i\0s")),
  "decoded twice": (size) => header + filled(size, (i) => `OÃ¹ est ${i} ?,Ã€ l'Ã©tage ${i}.\n`),
  "first letters of double decoding": (size) => header + "Ã".repeat(size / 2),
  "CR only": (size) => (header + filled(size, row)).replaceAll("\n", "\r"),
  "mixed record ends": (size) =>
    header + filled(size, (i) => row(i).replace("\n", ["\n", "\r\n", "\r"][i % 3])),
  "records wrapped in quotes": (size) => filled(size, (i) => `"What is ${i}?,""It is, ${i}."""\n`),
  "turns of a dialogue": (size) => filled(size, (i) => `Q: what is ${i}?\nA: It is ${i}.\n`),
  "a label before blanks": (size) => `Q: a?\nA: b\nQ${" ".repeat(size)}\nQ: c?\nA: d\n`,
  "a question before blanks": (size) => filled(size, () => `Q: a${" ".repeat(5000)}b A: c\n`),
  "marks of headings": (size) => `1. a?\nb\n2. c?\nd\n${"#".repeat(size / 2)}\n1.${" ".repeat(size / 2)}\n`,
  "lines without a delimiter": (size) =>
    `question,answer\na,b\n${filled(size, (i) => `and so it went on ${i} times\n`)}`,
  "JSON lines": (size) => filled(size, (i) => `{"prompt": "What is ${i}?", "completion": "It is ${i}."}\n`),
  "broken JSON lines": (size) =>
    `{"prompt": "a", "completion": "b"}\n${filled(size, (i) => `{"prompt": "What is ${i}?", "completion": "It\n`)}`,
  "one JSON array": (size) =>
    `[${filled(size, (i) => `{"prompt": "What is ${i}?", "completion": "It is ${i}."},\n`)}]`,
  "JSON that opens only": (size) => "[{".repeat(size / 2),
};

const only = process.argv[3];
for (const [name, make] of Object.entries(shapes)) {
  if (only !== undefined && name !== only) continue;
  const speeds: string[] = [];
  for (let size = largest / 4; size <= largest; size *= 2) {
    const bytes = Buffer.from(make(size * 1e6));
    const start = process.cpuUsage();
    // An error is an answer too; here its time counts.
    const end = await loadCsv(bytes).then(
      ({ report: { counts } }) => `${counts.rows} rows, ${counts.rejected} rejected`,
      (error: Error) => error.message.slice(0, 60),
    );
    const { user, system } = process.cpuUsage(start);
    speeds.push(((user + system) / 1000 / size).toFixed(0));
    if (size === largest) console.log(`${name.padEnd(38)} ${speeds.join(", ")} ms/MB  (${end})`);
  }
}
