// The full audit of report.md section 4 on a published directory.

import type { Class, Which } from "./ledger.ts";
import { CLASSES, Ledger } from "./ledger.ts";
import type { Audited } from "./report.ts";
import { Batch } from "./rangeproof.ts";
import { auditDue, auditReport, auditReportNotices, newAudited, parseReport, readIndex } from "./report.ts";
import { Refusal, classed, must } from "./refuse.ts";
import { auditSite } from "./site.ts";
import { Store } from "./store.ts";

export interface Result {
  ledgers: Ledger[];
  reports: string[];
  audited: Audited;
  proofs: Which;
  /** How many of the directory's own files are listed and signed. */
  site: number | undefined;
}

export function openLedgers(store: Store): Map<Class, Ledger> {
  const ledgers = new Map<Class, Ledger>();
  classed("checkpoint", () => must(store.has("ledger/public/checkpoint"), "ledger/public/checkpoint", "is missing: there is always a public ledger"));
  for (const cls of CLASSES) {
    if (!store.has(`ledger/${cls}`)) continue;
    must(store.hasDirectory(`ledger/${cls}`), `ledger/${cls}`, "is no directory");
    const l = new Ledger(store, cls);
    l.open();
    ledgers.set(cls, l);
  }
  return ledgers;
}

/** known: hashes of range proofs of bundles that held (see Batch). */
export function audit(dir: string | Store, proofs: Which, progress: (line: string) => void, known?: Set<string>): Result {
  const store = typeof dir === "string" ? new Store(dir) : dir;
  const ledgers = openLedgers(store);
  const reports = classed("report-form", () => readIndex(store));

  // what is in a report decides which entries are public after an embargo
  const reported = new Map<Class, Set<string>>(CLASSES.map((c) => [c, new Set()]));
  if ([...ledgers.values()].some((l) => l.headers.some((h) => h.publication === "after-embargo"))) {
    for (const name of reports) {
      for (const t of parseReport(store.read(`reports/${name}/report.json`), `reports/${name}`).tables) {
        for (const c of t.cells) reported.get(t.class as Class)?.add(`${c.period} ${c.sheet}`);
      }
    }
  }
  // all range proofs are added up together, when everything else is right
  const batch = new Batch(64, (done) => progress(`${done} range proofs`), known);

  for (const l of ledgers.values()) {
    l.audit({ proofs, batch, progress, reported: (c) => reported.get(l.class)!.has(`${c.period} ${c.sheet}`) });
  }
  const audited = newAudited();
  let site: number | undefined;
  try {
    reports.forEach((name, i) => {
      progress(`reports/${name}`);
      auditReport(store, name, i, ledgers, audited, batch);
    });
    for (const l of ledgers.values()) {
      classed("report-form", () => auditReportNotices(l, audited));
      classed("report-tables", () => auditDue(l, audited.contained));
    }
    site = classed("site", () => auditSite(store, reports.length, ledgers.get("public")!, audited));
  } catch (e) {
    // a range proof that came before is named first
    if (e instanceof Refusal) batch.flush();
    throw e;
  }
  batch.flush();
  return { ledgers: [...ledgers.values()], reports, audited, proofs, site };
}

/** What was checked, and what was not. */
export function describe(r: Result): { checked: string[]; unchecked: string[]; remarks: string[] } {
  const checked: string[] = [];
  const unchecked: string[] = [];
  const remarks: string[] = [];
  for (const l of r.ledgers) {
    const watched = l.headers.every((h) => h.quorum > 0);
    checked.push(
      `${l.path}: ${l.origin}, ${l.size} entries, ${l.headers.length} header(s), ${l.times.size} checkpoint(s)` +
        (watched ? ", cosigned" : "") +
        `, ${l.notices.length} notice(s)`,
    );
    if (l.hidden.length < l.headers.length) {
      checked.push(`${l.path}: ${l.proofsChecked} of ${l.proofs} range proofs, all sums of the periods whose entries are public`);
    }
    if (l.proofsChecked < l.proofs) {
      unchecked.push(`${l.path}: ${l.proofs - l.proofsChecked} range proofs (${r.proofs}): neither "no undercount" nor "no second story" is shown`);
    }
    const few = l.headers.filter((h) => h.quorum > 0 && (h.quorum < 2 || h.witnesses.length < 3 || 2 * h.quorum <= h.witnesses.length)).map((h) => h.number);
    if (few.length > 0) unchecked.push(`${l.path}: few watch period(s) ${few.join(", ")}: fewer than two of three, or two quorums need have no witness in common, so that each could be shown another ledger`);
    if (!watched) unchecked.push(`${l.path}: there is no quorum of witnesses, so everything holds for this one view only`);
    if (l.hidden.length > 0) {
      unchecked.push(
        `${l.path}: the entries of period(s) ${l.hidden.join(", ")} are not public: that their sums are those of their leaves, and their range proofs, rest on the auditor's statement`,
      );
    }
    if (l.later.length > 0) remarks.push(`${l.path}: ${l.later.length} header(s) published that are not in the log yet`);
    remarks.push(...l.remarks);
  }
  const a = r.audited;
  checked.push(
    `reports: ${r.reports.length} (${r.reports.join(", ")}), ${a.tables} table(s), ${a.totals} total(s), ${a.bands} band(s), ${a.hiddenFields} hidden field(s), ${a.exactProofs} exact proof(s), ${a.rangeProofs} range proof(s)`,
  );
  if (r.site === undefined) unchecked.push("the directory's own files: there is no report and no site.json");
  else checked.push(`site.json: ${r.site} file(s), signed`);
  remarks.push(...a.remarks);
  return { checked, unchecked, remarks };
}
