import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { loadCsv } from "../../sdk/data/csv.ts";
import { Random } from "../../sdk/data/random.ts";
import { repairFile } from "../../sdk/data/repairFile.ts";
import { fuzz, randomFile } from "./fuzz.ts";
import { messyFiles } from "./messy/files.ts";

const words =
  'the order, parcel "late" l\'eau où; été | 12,5 € <b>x</b> {"a": 1} =A1 \\ déjà\nnew line — ok'.split(" ");

/** Some words, with no blank at the edges. */
function sentence(random: Random): string {
  const count = 2 + random.int(8);
  return Array.from({ length: count }, () => words[random.int(words.length)]).join(" ");
}

interface Written {
  delimiter: string;
  quote: string;
  escaped: "doubled" | "backslash";
  end: string;
  all: boolean;
}

/** A field as a careful program writes it. */
function field(text: string, { delimiter, quote, escaped, all }: Written): string {
  const needed = all || [delimiter, quote, "\n", "\r", "\\", '"', "'"].some((mark) => text.includes(mark));
  if (!needed) return text;
  const inner =
    escaped === "doubled"
      ? text.replaceAll(quote, quote + quote)
      : text.replaceAll("\\", "\\\\").replaceAll(quote, `\\${quote}`);
  return quote + inner + quote;
}

/** A text that stands in one file in two encodings keeps the bytes of the one that was seen last. */
function withoutBytes<T extends object>(one: T): T {
  return "raw" in one ? { ...one, raw: undefined } : one;
}

describe("properties of loadCsv", () => {
  for (const delimiter of [",", ";", "\t", "|"])
    for (const quote of ['"', "'"])
      for (const escaped of ["doubled", "backslash"] as const)
        for (const end of ["\n", "\r\n", "\r"])
          it(`gives a clean file back untouched: ${JSON.stringify([delimiter, quote, escaped, end])}`, async () => {
            const random = new Random(7);
            for (const all of [true, false]) {
              const dialect: Written = { delimiter, quote, escaped, end, all };
              const pairs = Array.from({ length: 30 }, () => [sentence(random), sentence(random)]);
              const lines = [["question", "réponse"], ...pairs].map((pair) =>
                pair.map((text) => field(text, dialect)).join(delimiter),
              );
              const table = await loadCsv(Buffer.from(lines.join(end) + end));
              assert.deepEqual(
                table.rows.map(({ instruction, response }) => [instruction, response]),
                pairs,
              );
              assert.deepEqual([table.repairs, table.rejected], [[], []]);
            }
          });

  describe("with files", () => {
    let dir: string;
    before(async () => {
      dir = await mkdtemp(join(tmpdir(), "repair-"));
    });
    after(() => rm(dir, { recursive: true }));

    for (const form of ["csv", "jsonl"] as const)
      it(`repairs a repaired file to itself, as ${form}`, async () => {
        const random = new Random(11);
        const messy = messyFiles.map(({ bytes }) => Buffer.from(bytes as string));
        const inputs = [...messy, ...Array.from({ length: 100 }, () => randomFile(random))];
        let repaired = 0;
        for (const bytes of inputs) {
          const [input, once, twice] = ["input", `once.${form}`, `twice.${form}`].map((name) =>
            join(dir, name),
          );
          await writeFile(input, bytes);
          const first = await repairFile(input, once, { form }).catch(() => undefined);
          if (!first || first.report.counts.rows === 0) continue;
          const second = await repairFile(once, twice, { form });
          assert.deepEqual(await readFile(twice), await readFile(once), bytes.toString());
          assert.deepEqual([second.report.counts.repairs, second.report.counts.rejected], [0, 0]);
          repaired++;
        }
        assert.ok(repaired > messy.length, "the random ones too");
      });
  });

  it("reads the same whatever the pieces that a stream comes in", async () => {
    for (const { bytes, name } of messyFiles) {
      const whole = Buffer.from(bytes as string);
      const expected = await loadCsv(whole);
      const pieces = Array.from({ length: Math.ceil(whole.length / 11) }, (_, i) =>
        whole.subarray(11 * i, 11 * i + 11),
      );
      const table = await loadCsv(Readable.from(pieces));
      assert.deepEqual(table.rows, expected.rows, name);
    }
  });

  it("reads a file of many pieces as it reads the same file in others", async () => {
    const random = new Random(5);
    let read = 0;
    const files = messyFiles.filter((_, i) => i % 24 === 0);
    for (const { bytes, name } of files) {
      const parts: Buffer[] = [];
      // Longer than the piece that the dialect is read from, with something else in it at times.
      for (let size = 0; size < 600_000; size += parts[parts.length - 1].length)
        parts.push(random.int(60) === 0 ? randomFile(random) : Buffer.from(bytes as string));
      const whole = Buffer.concat(parts);
      const size = 50_000 + random.int(100_000);
      const pieces = Array.from({ length: Math.ceil(whole.length / size) }, (_, i) =>
        whole.subarray(size * i, size * (i + 1)),
      );
      const [table, same] = await Promise.all(
        [whole, Readable.from(pieces)].map((source) =>
          loadCsv(source).catch(({ message }: Error) => message),
        ),
      );
      // Something else in the midst of it makes one of the dialogues none.
      if (typeof table === "string" || typeof same === "string") {
        assert.equal(String(same).replace("(stream)", "(buffer)"), table, name);
        continue;
      }
      read++;
      for (const what of ["rows", "repairs", "rejected"] as const)
        assert.deepEqual(same[what].map(withoutBytes), table[what].map(withoutBytes), `${name}: ${what}`);
    }
    assert.ok(read >= files.length - 1, `${read} of ${files.length}`);
  });

  it("throws only what it documents, and counts every record, on random and changed files", async () => {
    await fuzz(1, 1500);
  });
});
