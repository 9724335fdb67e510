// A Refusal is the one kind of error that says: what was read is not valid.
// Anything else that is thrown is a fault of this program or of the machine.

export class Refusal extends Error {
  readonly where: string;
  readonly what: string;
  /** A word for the class of failure, where vectors tell classes apart. */
  readonly kind: string | undefined;
  /** The class of failure of a published directory; set by classed(). */
  cls: string | undefined;
  /** What is wrong within one document: a header, a receipt, …; set by inPart(). */
  part: string | undefined;
  constructor(where: string, what: string, kind?: string) {
    super(where === "" ? what : `${where}: ${what}`);
    this.name = "Refusal";
    this.where = where;
    this.what = what;
    this.kind = kind;
  }
}

export function refuse(where: string, what: string, kind?: string): never {
  throw new Refusal(where, what, kind);
}

export function must(ok: boolean, where: string, what: string, kind?: string): asserts ok {
  if (!ok) throw new Refusal(where, what, kind);
}

/** Runs f; a refusal inside it that has no class of failure yet gets this one. */
export function classed<T>(cls: string, f: () => T): T {
  try {
    return f();
  } catch (e) {
    if (e instanceof Refusal) e.cls ??= cls;
    throw e;
  }
}

/** Runs f; a refusal inside it that is of no part yet is of this one. */
export function inPart<T>(part: string, f: () => T): T {
  try {
    return f();
  } catch (e) {
    if (e instanceof Refusal) e.part ??= part;
    throw e;
  }
}

/** Runs f; a refusal inside it gets `where` in front. */
export function within<T>(where: string, f: () => T): T {
  try {
    return f();
  } catch (e) {
    if (!(e instanceof Refusal)) throw e;
    const r = new Refusal(e.where === "" ? where : `${where}: ${e.where}`, e.what, e.kind);
    r.cls = e.cls;
    r.part = e.part;
    throw r;
  }
}

/** One line of printable ASCII, whatever the input was. */
export function oneLine(s: string): string {
  return s.replace(/[^\x20-\x7e]/g, "?");
}
