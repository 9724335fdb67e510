// The transcript of ledger.md section 2.

import type { Bytes } from "./bytes.ts";
import { concat, sha512, text, u32 } from "./bytes.ts";
import { wideScalar } from "./group.ts";
import { refuse } from "./refuse.ts";

export class Transcript {
  private st: Bytes;
  constructor(label: string) {
    this.st = sha512(text(label));
  }
  absorb(label: string, data: Bytes): void {
    const l = text(label);
    this.st = sha512(this.st, u32(l.length), u32(data.length), l, data);
  }
  challenge(label: string): bigint {
    this.absorb(label, new Uint8Array(0));
    const c = wideScalar(sha512(concat(text("out"), this.st)));
    if (c === 0n) refuse(`challenge ${label}`, "is zero");
    return c;
  }
  /** The state, for the tests. */
  state(): Bytes {
    return this.st.slice();
  }
}
