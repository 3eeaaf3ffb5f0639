// Bundles the browser side of report.html, plotly included, into one file that is inlined into every report:
// dist/report/client.js. Run by `npm run build`.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

await build({
  absWorkingDir: root,
  entryPoints: ["sdk/train/reportClient.ts"],
  outfile: "dist/report/client.js",
  bundle: true,
  minify: true,
  format: "iife",
  platform: "browser",
  target: "es2022",
  // Licence notices travel with the code.
  legalComments: "inline",
  logLevel: "warning",
});
