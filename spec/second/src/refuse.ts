// A Refusal is the one kind of error that says: what was read is not valid.
// Anything else that is thrown is a fault of this program or of the machine.

export class Refusal extends Error {
  readonly where: string;
  readonly what: string;
  constructor(where: string, what: string) {
    super(where === "" ? what : `${where}: ${what}`);
    this.name = "Refusal";
    this.where = where;
    this.what = what;
  }
}

export function refuse(where: string, what: string): never {
  throw new Refusal(where, what);
}

export function must(ok: boolean, where: string, what: string): asserts ok {
  if (!ok) throw new Refusal(where, what);
}

/** Runs f; a refusal inside it gets `where` in front. */
export function within<T>(where: string, f: () => T): T {
  try {
    return f();
  } catch (e) {
    if (e instanceof Refusal) throw new Refusal(e.where === "" ? where : `${where}: ${e.where}`, e.what);
    throw e;
  }
}

/** One line of printable ASCII, whatever the input was. */
export function oneLine(s: string): string {
  return s.replace(/[^\x20-\x7e]/g, "?");
}
