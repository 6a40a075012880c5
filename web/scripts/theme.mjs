// Renders the brand theme to CSS at build time, so that Cloudscape's 500 KiB token table never reaches the browser.
// The theming entry uses directory imports that plain Node refuses, hence the bundle in between.
import { mkdtemp, rm, writeFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { rolldown } from "rolldown";

const web = fileURLToPath(new URL("..", import.meta.url));
const target = join(web, "src/platform/theme/theme.generated.css");
const scratch = await mkdtemp(join(web, "node_modules/.theme-"));
try {
  const bundle = await rolldown({ input: join(web, "src/platform/theme/render.ts"), platform: "node", logLevel: "silent" });
  const file = join(scratch, "render.mjs");
  await bundle.write({ file, format: "esm" });
  const { css } = await import(pathToFileURL(file).href);
  const known = await readFile(target, "utf8").catch(() => "");
  if (known !== css) await writeFile(target, css);
  console.log(`theme: ${css.length} bytes`);
} finally {
  await rm(scratch, { recursive: true, force: true });
}
