// Writes .br and .gz beside every file of dist/ that shrinks by it; the hub serves them with content-encoding.
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join, extname } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";

const dist = fileURLToPath(new URL("../dist", import.meta.url));
const already = new Set([".br", ".gz", ".woff2", ".png"]);
const brotli = promisify(brotliCompress);
const deflate = promisify(gzip);
const totals = { raw: 0, br: 0, gz: 0 };

for (const entry of await readdir(dist, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile() || already.has(extname(entry.name))) continue;
  const path = join(entry.parentPath, entry.name);
  const raw = await readFile(path);
  const [br, gz] = await Promise.all([
    brotli(raw, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: raw.length } }),
    deflate(raw, { level: 9 }),
  ]);
  if (br.length < raw.length) await writeFile(`${path}.br`, br);
  if (gz.length < raw.length) await writeFile(`${path}.gz`, gz);
  totals.raw += raw.length;
  totals.br += Math.min(br.length, raw.length);
  totals.gz += Math.min(gz.length, raw.length);
}
console.log(Object.entries(totals).map(([name, bytes]) => `${name} ${(bytes / 1024).toFixed(0)} KiB`).join(", "));
