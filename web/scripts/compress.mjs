// Puts NAME.br in the place of every file of dist/ that shrinks by it: only these go into the binary (src/hub/web.rs).
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join, extname } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { brotliCompress, constants } from "node:zlib";

const dist = fileURLToPath(new URL("../dist", import.meta.url));
const already = new Set([".br", ".woff2", ".png"]);
const brotli = promisify(brotliCompress);
const totals = { raw: 0, br: 0 };

for (const entry of await readdir(dist, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile() || already.has(extname(entry.name))) continue;
  const path = join(entry.parentPath, entry.name);
  const raw = await readFile(path);
  const br = await brotli(raw, {
    params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 24, [constants.BROTLI_PARAM_SIZE_HINT]: raw.length },
  });
  totals.raw += raw.length;
  totals.br += Math.min(br.length, raw.length);
  if (br.length >= raw.length) continue;
  await writeFile(`${path}.br`, br);
  await rm(path);
}
console.log(Object.entries(totals).map(([name, bytes]) => `${name} ${(bytes / 1024).toFixed(0)} KiB`).join(", "));
