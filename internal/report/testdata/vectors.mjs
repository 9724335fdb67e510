// Gives the directories of spec/vectors/report to the WebAssembly verifier, and
// prints what differs from what they expect.
// node vectors.mjs VERIFIER.wasm LOADER.js VECTORS EVERY
import fs from "node:fs";

const [wasm, loader, vectors, every] = process.argv.slice(2);
await import(loader);
const go = new Go();
const { instance } = await WebAssembly.instantiate(fs.readFileSync(wasm), go.importObject);
go.run(instance);

const read = (path) => {
  try {
    return new Uint8Array(fs.readFileSync(path));
  } catch (e) {
    if (e.code === "ENOENT") return null;
    throw e;
  }
};

// made is the file of a vector (README.md of the vectors).
function made(base, how) {
  if (how.absent) return null;
  if (how.base64 !== undefined) return new Uint8Array(Buffer.from(how.base64, "base64"));
  const old = read(base + how.of);
  const parts = [];
  let at = 0;
  for (const e of how.edits || []) {
    parts.push(old.subarray(at, e.at), Buffer.from(e.put, "base64"));
    at = e.at + e.cut;
  }
  return new Uint8Array(Buffer.concat([...parts, old.subarray(at)]));
}

const audit = async (base, files) => JSON.parse(await vitrineVerify.report({
  fetch: async (path) => (files[path] ? made(base, files[path]) : read(base + path)),
}));

let count = 0, wrong = 0;
function check(name, expect, says, r) {
  count++;
  if (r.failed || r.verified !== (expect === "accepted") || !r.verified && !r.reason.includes(says)) {
    wrong++;
    console.log(`${name}: ${r.verified ? "accepted" : r.reason}; want ${expect}: ${says}`);
  }
}

for (const base of ["good", "half"]) check(base, "accepted", "", await audit(`${vectors}/${base}/`, {}));
const names = fs.readdirSync(vectors).filter((n) => n.endsWith(".json"));
for (const [i, name] of names.entries()) {
  const v = JSON.parse(fs.readFileSync(`${vectors}/${name}`));
  if (i % every === 0 || v.expect === "accepted") check(name, v.expect, v.says, await audit(`${vectors}/${v.base}/`, v.files));
}
console.log(`${count} directories, ${wrong} wrong`);
process.exit(wrong > 0 ? 1 : 0);
