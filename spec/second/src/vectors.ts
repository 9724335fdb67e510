// Runs the vectors below a directory. Their forms are described beside them.

import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";

export function runVectors(dir: string): boolean {
  let ok = true;
  const go = (d: string) => {
    for (const name of readdirSync(d).sort()) {
      const p = join(d, name);
      if (lstatSync(p).isDirectory()) go(p);
      else if (name.endsWith(".json")) {
        console.log(`${p}: no reader for this vector`);
        ok = false;
      }
    }
  };
  go(dir);
  return ok;
}
