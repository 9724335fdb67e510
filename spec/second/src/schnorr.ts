// The proofs R ‖ s that a point is a multiple of B.

import type { Bytes } from "./bytes.ts";
import type { Point } from "./group.ts";
import { B, ZERO, msm, mod, point, scalar } from "./group.ts";
import { must } from "./refuse.ts";
import type { Transcript } from "./transcript.ts";

/** Whether s·B = R + c·D, R being absorbed before c is drawn. */
export function verifyMultipleOfB(t: Transcript, D: Point, proof: Bytes, where: string): void {
  must(proof.length === 64, where, `proof of ${proof.length} bytes instead of 64`);
  const R = point(proof.subarray(0, 32), `${where} R`);
  const s = scalar(proof.subarray(32), `${where} s`);
  t.absorb("R", proof.subarray(0, 32));
  const c = t.challenge("c");
  must(msm([B, R, D], [s, mod(-1n), mod(-c)]).equals(ZERO), where, "proof does not hold");
}
