import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  DomainError,
  domainFolder,
  domainNames,
  loadDomain,
  parseDomain,
} from "../../../sdk/chat/domain/domain.ts";
import { domainJsonSchema } from "../../../sdk/chat/domain/domainSchema.ts";
import { inFolder } from "../../inFolder.ts";

const raw = (name: string) => JSON.parse(readFileSync(join(domainFolder(), `${name}.json`), "utf8"));

/** The faults of the shop's domain after a change. */
function faults(change: (domain: ReturnType<typeof raw>) => void): string[] {
  const json = raw("ecommerce.fr");
  change(json);
  try {
    parseDomain(json, "x.json");
  } catch (error) {
    assert(error instanceof DomainError);
    return error.faults.map(({ path, expected, got }) => `${path} | ${expected} | ${got}`);
  }
  return [];
}

describe("domain", () => {
  it("ships three domains, all sound and with the schema named for editors", async () => {
    assert.deepEqual(domainNames(), ["ecommerce.fr", "sante.fr", "support.en"]);
    for (const name of domainNames()) {
      assert.equal(raw(name).$schema, "./domain.schema.json");
      const domain = await loadDomain(name);
      assert.deepEqual(await loadDomain(join(domainFolder(), `${name}.json`)), domain);
    }
    const shop = await loadDomain("ecommerce.fr");
    assert.equal(shop.categories.length, 13);
    assert.equal(shop.facts.length, 60);
  });

  it("has an up-to-date JSON Schema: npx tsx scripts/domain-schema.ts writes it", () => {
    const file = JSON.parse(readFileSync(join(domainFolder(), "domain.schema.json"), "utf8"));
    assert.deepEqual(file, JSON.parse(JSON.stringify(domainJsonSchema())));
  });

  it("names the path, what it expected and what it got, all at once", () => {
    assert.deepEqual(
      faults((d) => {
        d.name = 3;
        d.language = "de";
        d.categories[1].id = "";
        delete d.fallback;
        d.ui.commands.help = [];
      }),
      [
        "name | string | 3",
        'language | one of "fr", "en" | "de"',
        'categories[1].id | capital letters, digits and _ | ""',
        "fallback | string | nothing",
        "ui.commands.help | at least 1 entries | []",
      ],
    );
  });

  it("refuses unknown keys with the nearest right one", () => {
    const [fault] = faults((d) => {
      d.categories[2].keyword = [];
    });
    assert.equal(
      fault,
      'categories[2].keyword | one of id, description, role, asksOpinion, keywords, examples, answers, near (did you mean "keywords"?) | unknown key "keyword"',
    );
    assert.match(
      faults((d) => (d.themes.retour.word = {}))[0],
      /themes\.retour\.word .*did you mean "words"/,
    );
  });

  it("checks names that point at each other, and patterns", () => {
    const found = faults((d) => {
      d.categories[1].id = d.categories[0].id;
      d.templates.LIVRAISONS = d.templates.LIVRAISON;
      d.facts[0].category = "RETOURS";
      d.themes.retour.categories = ["X"];
      d.entities.orderNumbers[0] = "(";
    });
    assert.match(
      found[0],
      /^categories\[1\]\.id \| a name of its own \| "SALUTATION", which categories\[0\] has$/,
    );
    const at = (path: string) => found.find((fault) => fault.startsWith(`${path} `));
    assert.match(at("templates.LIVRAISONS") ?? "", /did you mean "LIVRAISON"/);
    assert.match(at("facts[0].category") ?? "", /did you mean "RETOUR"/);
    assert.match(at("themes.retour.categories[0]") ?? "", /a category, one of SALUTATION, .* \| "X"$/);
    assert.match(at("entities.orderNumbers[0]") ?? "", /a regular expression \| Invalid regular expression/);
  });

  it("says what to do about a wrong file or name", async () => {
    await assert.rejects(loadDomain("ecomerce.fr"), {
      message:
        /^domain "ecomerce\.fr": expected the path of a JSON file or one of ecommerce\.fr, sante\.fr, support\.en; there is no file .*ecomerce\.fr \(did you mean "ecommerce\.fr"\?\)$/,
    });
    await inFolder(async (dir) => {
      const file = join(dir, "x.json");
      writeFileSync(file, "{");
      await assert.rejects(loadDomain(file), {
        message:
          /x\.json is no usable domain:\n {2}\(file\): expected JSON, got .*\nCorrect the file; data\/domains\/domain\.schema\.json describes it\.$/,
      });
      writeFileSync(file, JSON.stringify({ ...raw("support.en"), systemPrompt: "" }));
      await assert.rejects(loadDomain(file), {
        message: /systemPrompt: expected at least 1 characters, got ""/,
      });
    });
  });
});
