/**
 * tslab's converter, with what a lab needs besides: packages found as Node finds them (`exports`, the SDK by its
 * name), source maps, cells that run unchecked, and the types of the globals of cells.
 *
 * tslab decides the compiler's options inside of `createConverter`, and its two passes (TypeScript to an ES module,
 * that to CommonJS) drop their maps. Both call the compiler through its module object, so the calls are intercepted
 * in that object, of which tslab gets a copy.
 */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type * as TypeScript from "@tslab/typescript-for-tslab";
import type { Converter, ConvertResult, Diagnostic } from "tslab/dist/converter.js";
import { packageRoot } from "../sdk/backend/packageRoot.ts";

const require = createRequire(import.meta.url);

/** tslab's fork of the compiler, with the two functions that it adds. */
type Compiler = typeof TypeScript & {
  getPreEmitDiagnosticsOfFiles(...args: unknown[]): readonly TypeScript.Diagnostic[];
};

/** What the user's process needs to run a cell and to tell where in the cell an error came from. */
export interface Converted {
  output: string;
  hasToplevelAwait: boolean;
  lastExpressionVar: string | undefined;
  sideOutputs: { path: string; data: string }[];
  /** Source maps from the output back to the cell: the second pass's, then the first's. */
  maps: string[];
  /** Modules that the cell imports by a literal name. */
  imports: string[];
}

export type Conversion =
  | { ok: true; converted: Converted; declarations: string }
  | { ok: false; diagnostics: Diagnostic[] };

/** Types of `display`, `prompt` and the other globals of a cell. */
const GLOBALS = "kernel-ext/globals.d.ts";

/** `// @ts-nocheck` among the comments that begin a cell: run it whatever the checker says. */
export function isUnchecked(code: string): boolean {
  return /^(?:\s|\/\/.*|\/\*[\s\S]*?\*\/)*?\/\/\s*@ts-nocheck\b/.test(code);
}

/** The checker's remarks that JavaScript would make too: syntax, and tslab's mark of a top-level await (1308). */
function stopsJavaScript({ code }: TypeScript.Diagnostic): boolean {
  return code < 2000;
}

/** TypeScript 5.0 reads types for Node from the project, or else from tslab's own dependency. */
function nodeTypes(directory: string): string {
  for (let at = directory; ; at = dirname(at)) {
    const roots = join(at, "node_modules/@types");
    if (existsSync(join(roots, "node/package.json"))) return roots;
    if (at === dirname(at)) break;
  }
  const own = createRequire(require.resolve("tslab/package.json")).resolve("@types/node/package.json");
  return dirname(dirname(own));
}

/** The declarations of the SDK: built, or its sources where nothing is built. */
function sdkTypes(): string {
  const built = join(packageRoot(), "dist/sdk/index.d.ts");
  return existsSync(built) ? built : join(packageRoot(), "sdk/index.ts");
}

export class CellConverter {
  readonly #ts: Compiler;
  readonly #converter: Converter;
  #unchecked = false;
  #loops = false;
  #maps: string[] | undefined;

  constructor(readonly directory = process.cwd()) {
    const tslab = createRequire(require.resolve("tslab/package.json"));
    const name = tslab.resolve("@tslab/typescript-for-tslab");
    this.#ts = tslab(name) as Compiler;
    // A copy: the compiler's own properties cannot be replaced.
    tslab.cache[name]!.exports = { ...this.#ts, ...this.#interceptions() };
    const { createConverter } = tslab("./dist/converter.js") as typeof import("tslab/dist/converter.js");
    this.#converter = createConverter({ isJS: false, isBrowser: false });
  }

  /** @param declarations what earlier cells declare, as the last conversion gave it */
  convert(declarations: string, code: string): Conversion {
    this.#unchecked = isUnchecked(code);
    this.#loops = false;
    this.#maps = [];
    try {
      const result = this.#converter.convert(declarations, this.#withoutExports(code));
      if (result.diagnostics.length > 0) return { ok: false, diagnostics: result.diagnostics };
      return {
        ok: true,
        declarations: result.declOutput ?? "",
        converted: converted(
          { ...result, hasToplevelAwait: result.hasToplevelAwait || this.#loops },
          this.#maps,
        ),
      };
    } finally {
      this.#unchecked = false;
      this.#maps = undefined;
    }
  }

  /** Ends the compiler's watch of its files, which keeps a process alive. */
  close(): void {
    this.#converter.close();
  }

  get tslab(): Converter {
    return this.#converter;
  }

  get typescript(): Compiler {
    return this.#ts;
  }

  #interceptions() {
    const ts = this.#ts;
    const create = ts.createWatchCompilerHost as (...args: unknown[]) => unknown;
    return {
      createWatchCompilerHost: (files: string[], options: TypeScript.CompilerOptions, ...rest: unknown[]) =>
        create([...files, join(packageRoot(), GLOBALS)], this.#options(options), ...rest),
      getPreEmitDiagnosticsOfFiles: (...args: unknown[]) => {
        const found = ts.getPreEmitDiagnosticsOfFiles(...args);
        return this.#unchecked ? found.filter(stopsJavaScript) : found;
      },
      visitEachChild: (node: TypeScript.Node, visitor: TypeScript.Visitor, context: never) => {
        const visit = (child: TypeScript.Node) => {
          if (this.#isTopLevelLoop(child)) this.#loops = true;
          return this.#earlierShorthand(child) ?? visitor(child);
        };
        return ts.visitEachChild(node, visit, context);
      },
      transpileModule: (input: string, options: TypeScript.TranspileOptions) => {
        const first = withoutMap(input);
        const expression = expressionModule(first.text);
        if (expression !== undefined) {
          this.#maps = [first.map];
          return { outputText: expression, diagnostics: [] };
        }
        const compilerOptions = { ...options.compilerOptions, inlineSourceMap: true };
        const second = withoutMap(ts.transpileModule(first.text, { ...options, compilerOptions }).outputText);
        // The cell itself comes last, after the files that it imports.
        this.#maps = [second.map, first.map];
        return { outputText: second.text, diagnostics: [] };
      },
    };
  }

  /**
   * What a cell declares is there for all others, so the `export` of a pasted module says nothing; tslab, which exports
   * each name itself, would call it declared twice. No column moves.
   */
  #withoutExports(code: string): string {
    if (!/^\s*export\b/m.test(code)) return code;
    const { SyntaxKind } = this.#ts;
    let text = code;
    for (const node of this.#ts.createSourceFile("cell.ts", code, this.#ts.ScriptTarget.ES2022).statements) {
      const modifiers = (this.#ts.canHaveModifiers(node) && this.#ts.getModifiers(node)) || [];
      const word = modifiers.find(({ kind }) => kind === SyntaxKind.ExportKeyword);
      if (!word || modifiers.some(({ kind }) => kind === SyntaxKind.DefaultKeyword)) continue;
      text = text.slice(0, word.end - "export".length) + " ".repeat("export".length) + text.slice(word.end);
    }
    return text;
  }

  /** `for await` outside of any function: tslab looks for `await` expressions only. */
  #isTopLevelLoop(node: TypeScript.Node): boolean {
    if (!this.#ts.isForOfStatement(node) || !node.awaitModifier) return false;
    let outer: TypeScript.Node | undefined = this.#ts.getOriginalNode(node).parent;
    while (outer && !this.#ts.isFunctionLike(outer)) outer = outer.parent;
    return outer === undefined;
  }

  /**
   * `{ name }` of an earlier cell's variable as `{ name: exports.name }`. tslab puts `exports.` before such names, but
   * asks the checker for the symbol of the name, which in this place is the property and not the variable.
   */
  #earlierShorthand(node: TypeScript.Node): TypeScript.Node | undefined {
    if (!this.#ts.isShorthandPropertyAssignment(node)) return undefined;
    const { factory } = this.#ts;
    const name = node.name.text;
    type Scope = TypeScript.Node & { locals?: Map<string, unknown> };
    let scope: Scope | undefined = this.#ts.getOriginalNode(node) as Scope;
    while (scope && !scope.locals?.has(name)) scope = scope.parent as Scope | undefined;
    // tslab makes the file with the earlier cells' declarations the parent of the cell's file.
    if (!scope || !this.#ts.isSourceFile(scope) || !scope.isDeclarationFile) return undefined;
    const value = factory.createPropertyAccessExpression(factory.createIdentifier("exports"), name);
    return factory.createPropertyAssignment(name, value);
  }

  #options(options: TypeScript.CompilerOptions): TypeScript.CompilerOptions {
    return {
      ...options,
      moduleResolution: this.#ts.ModuleResolutionKind.Bundler,
      customConditions: ["node"],
      lib: ["lib.es2023.d.ts"],
      // Only Node's: every other @types package is read when it is imported.
      types: ["node"],
      typeRoots: [nodeTypes(this.directory)],
      paths: { "mistral-lab": [sdkTypes()] },
      inlineSourceMap: true,
    };
  }
}

/**
 * The second pass for the plainest cell, which neither imports nor declares: only its last expression is exported. The
 * compiler takes 0.7 ms for that, more than half of such a cell's time. No column moves, so the first map holds.
 */
function expressionModule(text: string): string | undefined {
  const output = text
    .replace(/^export \{\s*\};?$/m, "")
    .replace(
      /^export const (tsLastExpr\d*) =/m,
      (all, name) => `${`exports.${name}`.padEnd(all.length - 1)}=`,
    );
  return /\b(?:import|export)\b/.test(output) ? undefined : output;
}

/** Takes the map from the end of what the compiler wrote. */
function withoutMap(text: string): { text: string; map: string } {
  const mark = "//# sourceMappingURL=data:application/json;base64,";
  const at = text.lastIndexOf(mark);
  if (at < 0) return { text, map: "" };
  return {
    text: text.slice(0, at),
    map: Buffer.from(text.slice(at + mark.length).trim(), "base64").toString("utf8"),
  };
}

function converted(result: ConvertResult, maps: string[]): Converted {
  const output = (result.output ?? "")
    // The compiler begins by setting every exported name to undefined: after a cell that failed halfway, a variable
    // of an earlier cell would be lost.
    .replace(/^(?:exports\.[\w$]+ = )+void 0;/m, "");
  return {
    output,
    hasToplevelAwait: result.hasToplevelAwait ?? false,
    lastExpressionVar: result.lastExpressionVar,
    sideOutputs: result.sideOutputs ?? [],
    maps,
    imports: [...output.matchAll(/\brequire\((["'])((?:\\.|(?!\1).)+)\1\)/g)].map((match) => match[2]),
  };
}
