/** Who may import whom, and what the documents name: as docs/architecture.md says it, and so that it stays true. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { packageRoot } from "../sdk/backend/packageRoot.ts";

const root = packageRoot();

interface Import {
  from: string;
  to: string;
  /** Gone when it runs. */
  typeOnly: boolean;
}

/** `import … from`, `export … from` and import() of a relative path. */
const IMPORT = /^(?:import|export)\s+(type\s)?([^;"]*?)(?:from\s*)?"(\.[^"]+)"|import\("(\.[^"]+)"\)/gm;

/** `import { type A, type B }` leaves nothing either. */
function onlyTypes(names: string): boolean {
  const inBraces = /^\{([^}]*)\}\s*$/.exec(names)?.[1];
  return inBraces?.split(",").every((name) => /^\s*(type\s.*)?$/s.test(name)) ?? false;
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(root, file), "utf8");
  const at = (path: string) => relative(root, join(root, dirname(file), path));
  if (!file.endsWith(".ts"))
    return [...text.matchAll(/^#include "(.+)"/gm)].map(([, path]) => ({
      from: file,
      to: at(path),
      typeOnly: false,
    }));
  return [...text.matchAll(IMPORT)].map(([, type, names = "", path, late]) => ({
    from: file,
    to: at(path ?? late),
    typeOnly: type !== undefined || onlyTypes(names),
  }));
}

const imports = ["sdk", "kernel-ext", "native"]
  .flatMap((top) =>
    readdirSync(join(root, top), { recursive: true, encoding: "utf8" }).map((file) => `${top}/${file}`),
  )
  .filter((file) => /\.(?:ts|cpp|h|cuh?)$/.test(file) && !file.endsWith(".d.ts"))
  .flatMap(importsOf);

/** Circles among `edges`, each as its places in turn. */
function circles(edges: readonly { from: string; to: string }[]): string[] {
  const next = new Map<string, Set<string>>();
  for (const { from, to } of edges) next.set(from, (next.get(from) ?? new Set()).add(to));
  const found: string[] = [];
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (place: string) => {
    if (path.includes(place)) found.push([...path.slice(path.indexOf(place)), place].join(" → "));
    if (path.includes(place) || done.has(place)) return;
    path.push(place);
    for (const to of next.get(place) ?? []) visit(to);
    path.pop();
    done.add(place);
  };
  for (const place of next.keys()) visit(place);
  return found;
}

const room = (file: string) =>
  file.startsWith("sdk/") ? file.split("/").slice(0, 2).join("/") : file.split("/")[0];

/** Checks of options, files and locks, and the table of NF4: below everything. */
const SHARED = ["sdk/options.ts", "sdk/files.ts", "sdk/processes.ts", "native/nf4Tables.h"];

/** The rooms of the table with what the last column names in backticks. */
function table(): Map<string, string[]> {
  const rows = new Map<string, string[]>();
  const text = readFileSync(join(root, "docs/architecture.md"), "utf8");
  for (const [, name, column] of text.matchAll(/^\| `([\w./-]+?)\/?` \|.*\| ([^|]*) \|$/gm)) {
    const names = [...column.matchAll(/`([^`]+)`/g)].map(([, found]) => found);
    const places = names.map((found) => {
      const inSdk = `sdk/${found}`;
      return existsSync(join(root, inSdk)) ? inSdk : found;
    });
    rows.set(name, places);
  }
  return rows;
}

const isIn = (file: string, place: string) =>
  file === place || file === `${place}.ts` || file.startsWith(`${place}/`);

describe("the architecture", () => {
  it("has been read", () => {
    assert.ok(imports.length > 1000, `${imports.length} imports`);
    assert.ok(imports.some(({ typeOnly }) => typeOnly) && imports.some(({ typeOnly }) => !typeOnly));
    assert.deepEqual(
      circles([
        { from: "a", to: "b" },
        { from: "b", to: "c" },
        { from: "c", to: "b" },
      ]),
      ["b → c → b"],
    );
  });

  it("has no circles between folders, and none between files that run", () => {
    const between = imports
      .map(({ from, to }) => ({ from: room(from), to: room(to) }))
      .filter(({ from, to }) => from !== to);
    assert.deepEqual(circles(between), []);
    assert.deepEqual(circles(imports.filter(({ typeOnly }) => !typeOnly)), []);
  });

  const rows = table();
  for (const [name, allowed] of rows) {
    const own = imports.filter(({ from, to }) => isIn(from, name) && !isIn(to, name) && !SHARED.includes(to));
    if (own.length === 0 || name === "sdk/index.ts") continue;
    // Rooms in rooms are rows of their own.
    const others = [...rows.keys()].filter((other) => other.startsWith(`${name}/`));
    it(`${name} imports what the table of docs/architecture.md says, and all of that`, () => {
      const mine = own.filter(({ from }) => !others.some((other) => isIn(from, other)));
      const strange = mine.filter(({ to }) => !allowed.some((place) => isIn(to, place)));
      assert.deepEqual(
        strange.map(({ from, to }) => `${from} imports ${to}`),
        [],
      );
      const unused = allowed.filter((place) => !mine.some(({ to }) => isIn(to, place)));
      assert.deepEqual(unused, [], "named in the table, imported by nobody");
    });
  }

  it("has no room without a row, and no row without a room", () => {
    for (const name of rows.keys()) assert.ok(existsSync(join(root, name)), name);
    const folders = readdirSync(join(root, "sdk"), { withFileTypes: true }).filter((entry) =>
      entry.isDirectory(),
    );
    for (const { name } of folders) assert.ok(rows.has(`sdk/${name}`), `sdk/${name}`);
  });
});

describe("the documents", () => {
  const documents = execFileSync("git", ["ls-files", "*.md"], { cwd: root, encoding: "utf8" })
    .trim()
    .split("\n");
  const tops = readdirSync(root).filter((name) => statSync(join(root, name)).isDirectory());
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    scripts: Record<string, string>;
  };

  const isIgnored = (path: string) =>
    spawnSync("git", ["check-ignore", "--quiet", path], { cwd: root }).status === 0;

  it("name files that exist, or that running makes", () => {
    const missing: string[] = [];
    for (const document of documents) {
      const text = readFileSync(join(root, document), "utf8");
      const links = [...text.matchAll(/\]\(([^)#\s]+)[^)]*\)/g)].map(([, path]) =>
        join(dirname(document), path),
      );
      const quoted = [...text.matchAll(/`([\w.-]+\/[\w./-]*\w\/?)`/g)]
        .map(([, path]) => path)
        .filter((path) => tops.includes(path.split("/")[0]) && !/^(build|dist|node_modules)\//.test(path));
      for (const path of [...links.filter((path) => !/^[a-z]+:/.test(path)), ...quoted])
        if (!existsSync(join(root, path)) && !isIgnored(path)) missing.push(`${document}: ${path}`);
    }
    assert.deepEqual(missing, []);
  });

  it("name scripts that exist", () => {
    const missing: string[] = [];
    for (const document of documents)
      for (const [, name] of readFileSync(join(root, document), "utf8").matchAll(/npm run ([\w:-]+)/g))
        if (!(name in scripts)) missing.push(`${document}: npm run ${name}`);
    assert.deepEqual(missing, []);
  });
});
