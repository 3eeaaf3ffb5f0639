/** What the kernel says of itself. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../sdk/backend/packageRoot.ts";
import { type Json, PROTOCOL_VERSION } from "./messages.ts";

/** The version of the compiler that tslab brings along. */
const TYPESCRIPT = "5.0.4";

export function version(): string {
  return (JSON.parse(readFileSync(join(packageRoot(), "package.json"), "utf8")) as { version: string })
    .version;
}

export function kernelInfo(): Json {
  return {
    protocol_version: PROTOCOL_VERSION,
    implementation: "mistral-lab",
    implementation_version: version(),
    language_info: {
      name: "typescript",
      version: TYPESCRIPT,
      mimetype: "text/x-typescript",
      file_extension: ".ts",
      pygments_lexer: "typescript",
      codemirror_mode: { name: "javascript", typescript: true },
      nbconvert_exporter: "script",
    },
    banner: `Mistral Lab ${version()}: TypeScript ${TYPESCRIPT} on Node ${process.version}`,
    help_links: [{ text: "TypeScript", url: "https://www.typescriptlang.org/docs/" }],
    debugger: false,
  };
}
