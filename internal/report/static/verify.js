// "Check this report" and "is my demand counted?" on a report's page. The checks
// run here, in this browser: files that are chosen stay in it.

const page = document.getElementById("check");
const find = (id) => document.getElementById("check-" + id);
const root = new URL(page.dataset.root || "./", document.baseURI).href;
const lang = ["en", "fr", "de"].find((l) => document.documentElement.lang.startsWith(l)) || "en";

const sentences = {
  en: {
    ledger: (l) => `${num(l.size)} entries of ${l.origin} are read, ${num(l.proofs)} proofs hold.`,
    seen: (l) => `${l.quorum} of ${l.witnesses.length} witnesses saw it: ${when(l.seen)}.`,
    stated: (s) => `On ${day(s.day)} an auditor said of ${say.looked[s.procedure](s)}, ${span(s)}: ${s.passed ? "passed" : "failed"}. It is worth what you know of the key ${s.auditor}.`,
    looked: { bundles: () => "every leaf", tally: (s) => `the list of sheet ${s.sheet} and its proof`, sample: (s) => `drawn demands of sheet ${s.sheet} and their papers` },
    noStatement: (s) => `Caution: document ${s.digest} is called an auditor’s statement, and nothing follows from it.`,
    few: "Caution: fewer than two of three independent witnesses watch this ledger. The result holds for the copy on this site; others may be shown another.",
    closed: "Caution: the leaves of some periods are not public. That their sums are right rests on an auditor.",
    open: "There is no ledger for orders that the law keeps secret: the report does not speak of any.",
    tables: (n) => `${num(n)} tables of this report follow from the ledger.`,
    shows: "No total is lower than the number of facts whose holders have a receipt, and no other accepted report says anything else.",
    not: "Not shown: an upper bound, and whether a demand was put in the right table.",
    missing: "This page’s report is not one of those that the ledger announced.",
    unfinished: "The check could not be finished.",
    unfinishedSays: "Nothing was found wrong. Check the connection and try again; or copy the directory and use the command vitrine-verify.",
    local: "This page was opened as a file, and a browser may not read the files beside it. Use the command vitrine-verify with the directory.",
    stopped: "Stopped. Nothing was found wrong so far.",
    reason: "The reason, as the verifier says it:",
    choose: "Choose a receipt first.",
    three: "Document, authority and reference are checked together: give all three, or none.",
    fact: (s) => `${fact(s)} of ${day(s.day)} on sheet ${s.sheet}, entry ${num(s.index)}.`,
    watched: (s) => `${s.witnesses} of ${s.witnesses_of} witnesses saw it: ${when(s.seen)}.`,
    nobody: "Caution: nobody watches this ledger, so the receipt holds for one view alone.",
    account: (a) => `It is of account ${a}.`,
    counted: (c) => `Counted in table ${c.table} of report ${c.report}: ${totals(c.row)}.`,
    later: (c) => `Not in a report yet. Table ${c.table} tells it from ${when(c.not_before)} on, by ${when(c.due)} at the latest.`,
    deferred: "In the ledger, and in no table yet: the law defers it.",
    read: "The report’s totals were read, not proved: “check this report” proves them.",
    receiptSays: "Compare what you typed and chose. If all is right, keep the receipt and ask the provider, or show it to an auditor.",
    kept: (k) => `Kept: the leaf is entry ${num(k.index)}, seen ${when(k.seen)}.`,
    waiting: (k) => `Not kept yet: due ${when(k.due)}; the ledger is public up to ${when(k.through)}.`,
    sealed: "This file is sealed. Open it first with age and your key, and choose what comes out.",
    apart: "Choose the receipt of a submission, or receipts of what is counted; not both at once.",
    submission: "The receipt of the submission is signed.",
    came: (s) => `It came ${when(s.received)}, to be answered by ${when(s.answer_by)}.`,
    declined: (s) => `Answered ${when(s.declined)}: it is no demand, because: ${s.because}`,
    promised: (s) => `Answered with a promise, due ${when(s.due)}.`,
    unanswered: "No answer was chosen here. Ask again after its time.",
    complaint: "Its time has passed, and neither a promise nor an answer that it is no demand was chosen here. Complain with this receipt to whoever supervises the provider; it is no proof, since nobody can see what else you were sent.",
    paper: "the document",
    promise: "The promise is signed.",
    promiseWrong: "The promise does not hold.",
    promiseSays: "Keep the promise: together with the ledger it is evidence that anyone can check.",
    gaps: { papers: "authority, reference and document", demand: "which demand it belongs to (a user’s receipt does not show it)", account: "the account", promise: "the promise" },
  },
  fr: {
    ledger: (l) => `${num(l.size)} entrées de ${l.origin} sont lues, ${num(l.proofs)} preuves tiennent.`,
    seen: (l) => `${l.quorum} témoins sur ${l.witnesses.length} l’ont vu : ${when(l.seen)}.`,
    stated: (s) => `Le ${day(s.day)}, un auditeur a dit de ${say.looked[s.procedure](s)}, ${span(s)} : ${s.passed ? "succès" : "échec"}. Cela vaut ce que vous savez de la clé ${s.auditor}.`,
    looked: { bundles: () => "chaque feuille", tally: (s) => `la liste de la feuille ${s.sheet} et sa preuve`, sample: (s) => `demandes tirées de la feuille ${s.sheet} et leurs pièces` },
    noStatement: (s) => `Attention : le document ${s.digest} est dit déclaration d’un auditeur, et rien n’en découle.`,
    few: "Attention : moins de deux témoins indépendants sur trois surveillent ce registre. Le résultat vaut pour la copie de ce site ; d’autres peuvent en voir une autre.",
    closed: "Attention : les feuilles de certaines périodes ne sont pas publiques. L’exactitude de leurs sommes repose sur un auditeur.",
    open: "Il n’y a pas de registre pour les ordres que la loi tient secrets : le rapport n’en dit rien.",
    tables: (n) => `${num(n)} tableaux de ce rapport découlent du registre.`,
    shows: "Aucun total n’est inférieur au nombre de faits dont quelqu’un détient un reçu, et aucun autre rapport accepté ne dit autre chose.",
    not: "Non montré : une borne supérieure, et si une demande figure dans le bon tableau.",
    missing: "Le rapport de cette page n’est pas de ceux que le registre annonce.",
    unfinished: "La vérification n’a pas pu être achevée.",
    unfinishedSays: "Rien de faux n’a été trouvé. Vérifiez la connexion et réessayez ; ou copiez le répertoire et servez-vous de la commande vitrine-verify.",
    local: "Cette page a été ouverte comme un fichier, et un navigateur ne peut lire les fichiers voisins. Servez-vous de la commande vitrine-verify avec le répertoire.",
    stopped: "Arrêté. Rien de faux n’a été trouvé jusque-là.",
    reason: "La raison, telle que le vérificateur la dit (en anglais) :",
    choose: "Choisissez d’abord un reçu.",
    three: "Document, autorité et référence se vérifient ensemble : donnez les trois, ou aucun.",
    fact: (s) => `${fact(s)} du ${day(s.day)} sur la feuille ${s.sheet}, entrée ${num(s.index)}.`,
    watched: (s) => `${s.witnesses} témoins sur ${s.witnesses_of} l’ont vu : ${when(s.seen)}.`,
    nobody: "Attention : personne ne surveille ce registre ; le reçu ne vaut que pour une seule vue.",
    account: (a) => `Il porte sur le compte ${a}.`,
    counted: (c) => `Compté dans le tableau ${c.table} du rapport ${c.report} : ${totals(c.row)}.`,
    later: (c) => `Pas encore dans un rapport. Le tableau ${c.table} le dit à partir du ${when(c.not_before)}, au plus tard le ${when(c.due)}.`,
    deferred: "Dans le registre, et encore dans aucun tableau : la loi le diffère.",
    read: "Les totaux du rapport ont été lus, non prouvés : « vérifier ce rapport » les prouve.",
    receiptSays: "Comparez ce que vous avez saisi et choisi. Si tout est exact, gardez le reçu et interrogez le fournisseur, ou montrez-le à un auditeur.",
    kept: (k) => `Tenue : la feuille est l’entrée ${num(k.index)}, vue ${when(k.seen)}.`,
    waiting: (k) => `Pas encore tenue : échéance ${when(k.due)} ; le registre est public jusqu’au ${when(k.through)}.`,
    sealed: "Ce fichier est scellé. Ouvrez-le d’abord avec age et votre clé, et choisissez ce qui en sort.",
    apart: "Choisissez le reçu d’un envoi, ou des reçus de ce qui est compté ; pas les deux à la fois.",
    submission: "Le reçu de l’envoi est signé.",
    came: (s) => `Arrivé ${when(s.received)}, réponse due au plus tard ${when(s.answer_by)}.`,
    declined: (s) => `Réponse ${when(s.declined)} : ce n’est pas une demande, car : ${s.because}`,
    promised: (s) => `Une promesse y répond, échéance ${when(s.due)}.`,
    unanswered: "Aucune réponse n’a été choisie ici. Demandez à nouveau après le délai.",
    complaint: "Le délai est passé, et ni promesse ni réponse que ce n’est pas une demande n’a été choisie ici. Portez plainte avec ce reçu auprès de l’autorité qui surveille le fournisseur ; ce n’est pas une preuve, car personne ne peut voir ce que vous avez reçu d’autre.",
    paper: "le document",
    promise: "La promesse est signée.",
    promiseWrong: "La promesse ne tient pas.",
    promiseSays: "Gardez la promesse : avec le registre, c’est une preuve que chacun peut vérifier.",
    gaps: { papers: "autorité, référence et document", demand: "à quelle demande il appartient (le reçu d’un utilisateur ne le montre pas)", account: "le compte", promise: "la promesse" },
  },
  de: {
    ledger: (l) => `${num(l.size)} Einträge von ${l.origin} sind gelesen, ${num(l.proofs)} Beweise halten.`,
    seen: (l) => `${l.quorum} von ${l.witnesses.length} Zeugen haben es gesehen: ${when(l.seen)}.`,
    stated: (s) => `Am ${day(s.day)} sagte ein Prüfer über ${say.looked[s.procedure](s)}, ${span(s)}: ${s.passed ? "bestanden" : "nicht bestanden"}. Das ist so viel wert, wie Sie vom Schlüssel ${s.auditor} wissen.`,
    looked: { bundles: () => "jedes Blatt", tally: (s) => `die Liste des Bogens ${s.sheet} und ihren Beweis`, sample: (s) => `gezogene Verlangen des Bogens ${s.sheet} und ihre Papiere` },
    noStatement: (s) => `Vorsicht: Das Dokument ${s.digest} heißt Erklärung eines Prüfers, und nichts folgt daraus.`,
    few: "Vorsicht: Weniger als zwei von drei unabhängigen Zeugen beobachten dieses Verzeichnis. Das Ergebnis gilt für die Kopie dieser Seite; anderen kann eine andere gezeigt werden.",
    closed: "Vorsicht: Die Blätter mancher Zeiträume sind nicht öffentlich. Dass ihre Summen stimmen, beruht auf einem Prüfer.",
    open: "Es gibt kein Verzeichnis für Anordnungen, die das Gesetz geheim hält: Der Bericht sagt nichts über sie.",
    tables: (n) => `${num(n)} Tabellen dieses Berichts folgen aus dem Verzeichnis.`,
    shows: "Keine Summe ist kleiner als die Zahl der Tatsachen, für die jemand eine Quittung hat, und kein anderer angenommener Bericht sagt etwas anderes.",
    not: "Nicht gezeigt: eine Obergrenze, und ob ein Verlangen in der richtigen Tabelle steht.",
    missing: "Der Bericht dieser Seite ist keiner von denen, die das Verzeichnis ankündigt.",
    unfinished: "Die Prüfung konnte nicht beendet werden.",
    unfinishedSays: "Es wurde nichts Falsches gefunden. Prüfen Sie die Verbindung und versuchen Sie es noch einmal; oder kopieren Sie den Ordner und nehmen Sie den Befehl vitrine-verify.",
    local: "Diese Seite wurde als Datei geöffnet, und ein Browser darf die Dateien daneben nicht lesen. Nehmen Sie den Befehl vitrine-verify mit dem Ordner.",
    stopped: "Angehalten. Bis dahin wurde nichts Falsches gefunden.",
    reason: "Der Grund, wie ihn das Prüfprogramm nennt (englisch):",
    choose: "Wählen Sie zuerst eine Quittung.",
    three: "Dokument, Behörde und Aktenzeichen werden zusammen geprüft: Geben Sie alle drei an, oder keines.",
    fact: (s) => `${fact(s)} vom ${day(s.day)} auf Bogen ${s.sheet}, Eintrag ${num(s.index)}.`,
    watched: (s) => `${s.witnesses} von ${s.witnesses_of} Zeugen haben es gesehen: ${when(s.seen)}.`,
    nobody: "Vorsicht: Niemand beobachtet dieses Verzeichnis; die Quittung gilt nur für eine einzige Sicht.",
    account: (a) => `Sie betrifft das Konto ${a}.`,
    counted: (c) => `Gezählt in Tabelle ${c.table} des Berichts ${c.report}: ${totals(c.row)}.`,
    later: (c) => `Noch in keinem Bericht. Tabelle ${c.table} nennt es ab ${when(c.not_before)}, spätestens ${when(c.due)}.`,
    deferred: "Im Verzeichnis, und noch in keiner Tabelle: Das Gesetz schiebt es auf.",
    read: "Die Summen des Berichts wurden gelesen, nicht bewiesen: „diesen Bericht prüfen“ beweist sie.",
    receiptSays: "Vergleichen Sie, was Sie eingegeben und gewählt haben. Stimmt alles, so bewahren Sie die Quittung auf und fragen Sie den Anbieter, oder zeigen Sie sie einem Prüfer.",
    kept: (k) => `Gehalten: Das Blatt ist Eintrag ${num(k.index)}, gesehen ${when(k.seen)}.`,
    waiting: (k) => `Noch nicht gehalten: fällig ${when(k.due)}; das Verzeichnis ist öffentlich bis ${when(k.through)}.`,
    sealed: "Diese Datei ist versiegelt. Öffnen Sie sie zuerst mit age und Ihrem Schlüssel, und wählen Sie, was herauskommt.",
    apart: "Wählen Sie die Quittung einer Einsendung oder Quittungen von Gezähltem, nicht beides zugleich.",
    submission: "Die Quittung der Einsendung ist unterschrieben.",
    came: (s) => `Eingegangen ${when(s.received)}, zu beantworten bis ${when(s.answer_by)}.`,
    declined: (s) => `Beantwortet ${when(s.declined)}: Es ist kein Verlangen, denn: ${s.because}`,
    promised: (s) => `Beantwortet mit einem Versprechen, fällig ${when(s.due)}.`,
    unanswered: "Hier wurde keine Antwort gewählt. Fragen Sie nach der Frist noch einmal.",
    complaint: "Die Frist ist vorbei, und hier wurde weder ein Versprechen gewählt noch eine Antwort, dass es kein Verlangen ist. Beschweren Sie sich mit dieser Quittung bei der Aufsicht des Anbieters; ein Beweis ist sie nicht, denn niemand sieht, was Sie sonst erhalten haben.",
    paper: "das Dokument",
    promise: "Das Versprechen ist unterschrieben.",
    promiseWrong: "Das Versprechen hält nicht.",
    promiseSays: "Bewahren Sie das Versprechen auf: Zusammen mit dem Verzeichnis ist es ein Beweis, den jeder prüfen kann.",
    gaps: { papers: "Behörde, Aktenzeichen und Dokument", demand: "zu welchem Verlangen sie gehört (die Quittung eines Nutzers zeigt es nicht)", account: "das Konto", promise: "das Versprechen" },
  },
};
const say = sentences[lang];
const words = find("words").dataset;

const num = (n) => n.toLocaleString(lang);
const when = (t) => new Date(t * 1000).toLocaleString(lang, { timeZone: "UTC", dateStyle: "long", timeStyle: "short" }) + " UTC";
const date = (t) => new Date(t * 1000).toLocaleDateString(lang, { timeZone: "UTC", dateStyle: "long" });
const day = (d) => new Date(d + "T00:00:00Z").toLocaleDateString(lang, { timeZone: "UTC", dateStyle: "long" });
const span = (s) => `${date(s.from)} – ${date(s.to - 1)}`;
const fact = (s) => s.type + s.values.filter((v) => v.field !== s.type).map((v) => `, ${v.field} ${num(v.number)}`).join("");
const totals = (row) => row.fields.map((f) =>
  f.total !== undefined ? `${f.name} ${num(f.total)}` : f.low !== undefined ? `${f.name} ${num(f.low)}–${num(f.low + f.width - 1)}` : `${f.name} …`).join(", ");

// Asking: one worker, one question at a time a button.
let worker;
const waiting = new Map();

function start() {
  if (!worker) {
    worker = new Worker(new URL("verify-worker.js", import.meta.url), { type: "module" });
    worker.onmessage = ({ data }) => {
      const w = waiting.get(data.id);
      if (!w) return;
      if (data.total !== undefined) return w.progress?.(data.done, data.total);
      waiting.delete(data.id);
      page.dataset.took = data.took ?? ""; // for whoever measures
      w.resolve(data.result);
    };
    worker.onerror = () => {
      worker = undefined;
      for (const w of waiting.values()) w.resolve({ verified: false, failed: true, reason: "verify-worker.js" });
      waiting.clear();
    };
  }
}

function ask(kind, question, progress) {
  start();
  const id = crypto.getRandomValues(new Uint32Array(2)).join("-");
  return new Promise((resolve) => {
    waiting.set(id, { resolve, progress });
    worker.postMessage({ id, kind, root, question });
  });
}

// Telling: a verdict with its lines, in a live region.
function verdict(where, good, head, lines, note) {
  const box = find(good ? "good" : "wrong").content.cloneNode(true);
  box.querySelector("b").textContent = head;
  for (const line of lines) {
    const li = document.createElement("li");
    li.append(line);
    box.querySelector(".checks").append(li);
  }
  if (note) box.querySelector(".note").textContent = note;
  where.replaceChildren(box);
}

function tell(where, text) {
  const p = document.createElement("p");
  p.textContent = text;
  where.replaceChildren(p);
}

// reason is the exact reason, which is said in English.
function reason(r) {
  const span = document.createElement("span");
  const exact = document.createElement("q");
  exact.lang = "en";
  exact.textContent = r.reason;
  span.append(say.reason + " ", exact);
  return span;
}

function unfinished(where, r) {
  verdict(where, false, say.unfinished, [reason(r)], location.protocol === "file:" ? say.local : say.unfinishedSays);
}

// Check this report.
const run = find("report"), stop = find("stop"), bar = find("progress"), output = find("output");

function busy(on) {
  run.disabled = on;
  bar.hidden = stop.hidden = !on;
  bar.value = 0;
}

function reportLines(r, mine) {
  const lines = [];
  for (const l of r.ledgers) {
    if (!l.watched) lines.push(say.few);
    if (l.closed.length) lines.push(say.closed);
    lines.push(say.ledger(l));
    if (l.seen) lines.push(say.seen(l));
    for (const s of l.statements) lines.push(s.wrong ? say.noStatement(s) : say.stated(s));
  }
  lines.push(say.tables(mine.tables.length), say.shows, say.not);
  if (r.ledgers.length < 2) lines.push(say.open);
  return lines;
}

async function checkReport() {
  busy(true);
  delete document.documentElement.dataset.check;
  tell(output, words.running);
  const r = await ask("report", {}, (done, total) => {
    bar.max = total;
    bar.value = done;
  });
  busy(false);
  const mine = r.verified && r.reports.find((one) => one.name === page.dataset.name);
  if (r.failed) return unfinished(output, r);
  document.documentElement.dataset.check = mine ? "good" : "wrong";
  if (!r.verified) return verdict(output, false, words.wrong, [reason(r)], words.wrongSays);
  if (!mine) return verdict(output, false, words.wrong, [say.missing], words.wrongSays);
  verdict(output, true, words.good, reportLines(r, mine));
}

function stopReport() {
  worker?.terminate();
  worker = undefined;
  for (const w of waiting.values()) if (!w.progress) w.resolve({ verified: false, failed: true, reason: "stopped" });
  waiting.clear();
  busy(false);
  tell(output, say.stopped);
  run.focus();
}

// Is my demand counted?
const papers = find("papers"), answer = find("receipt-output");
const promiseHead = "vitrine/promise/v1\n";
const submissionHeads = ["vitrine/submission/v1\n", "vitrine/declined/v1\n"];

const read = async (file) => new Uint8Array(await file.arrayBuffer());
const begins = (bytes, head) => new TextDecoder().decode(bytes.subarray(0, head.length)) === head;

function joined(list) {
  const all = new Uint8Array(list.reduce((n, b) => n + b.length, 0));
  let at = 0;
  for (const b of list) {
    all.set(b, at);
    at += b.length;
  }
  return all;
}

function receiptLines(r) {
  const lines = [];
  for (const s of r.receipts) {
    if (!s.seen) lines.push(say.nobody);
    lines.push(say.fact(s));
    if (s.seen) lines.push(say.watched(s));
    if (s.account) lines.push(say.account(s.account));
    if (s.counted?.row) lines.push(say.counted(s.counted));
    else if (s.counted?.table) lines.push(say.later(s.counted));
    else lines.push(say.deferred);
    if (s.gaps) lines.push(`${words.unchecked}: ${s.gaps.map((g) => say.gaps[g]).join("; ")}`);
  }
  lines.push(say.read);
  return lines;
}

function submissionLines(s) {
  const lines = [say.came(s)];
  if (s.due) lines.push(say.promised(s));
  if (s.declined) lines.push(say.declined(s));
  if (s.complaint) lines.push(say.complaint);
  else if (!s.due && !s.declined) lines.push(say.unanswered);
  if (!s.compared) lines.push(`${words.unchecked}: ${say.paper}`);
  return lines;
}

async function checkPapers() {
  const field = (id) => find(id).value.trim();
  const given = await Promise.all([...find("receipt").files].map(read));
  const [document_] = await Promise.all([...find("document").files].map(read));
  const promises = given.filter((b) => begins(b, promiseHead));
  const submissions = given.filter((b) => submissionHeads.some((h) => begins(b, h)));
  const receipts = given.filter((b) => !promises.includes(b) && !submissions.includes(b));
  if (!given.length) return tell(answer, say.choose);
  if (given.some((b) => begins(b, "age-encryption.org/v1\n"))) return tell(answer, say.sealed);
  if (submissions.length && receipts.length) return tell(answer, say.apart);
  const three = [document_, field("authority"), field("reference")].filter(Boolean).length;
  if (receipts.length && three % 3) return tell(answer, say.three);
  papers.disabled = true;
  tell(answer, words.running);
  const now = Math.floor(Date.now() / 1000);
  const r = submissions.length
    ? await ask("submission", { papers: joined(submissions), promises, document: document_, authority: field("authority"), reference: field("reference"), now })
    : receipts.length
    ? await ask("receipt", { receipts: joined(receipts), promises, document: document_, authority: field("authority"), reference: field("reference"), accounts: field("account") ? [field("account")] : [] })
    : await ask("promise", { promises: joined(promises), now });
  papers.disabled = false;
  if (r.failed) return unfinished(answer, r);
  if (submissions.length) {
    if (!r.verified) return verdict(answer, false, words.receiptWrong, [reason(r)], say.receiptSays);
    return verdict(answer, true, say.submission, submissionLines(r));
  }
  if (receipts.length) {
    if (!r.verified) return verdict(answer, false, words.receiptWrong, [reason(r)], say.receiptSays);
    return verdict(answer, true, words.receiptGood, receiptLines(r));
  }
  if (!r.verified) return verdict(answer, false, say.promiseWrong, [reason(r)], r.broken ? say.promiseSays : say.receiptSays);
  verdict(answer, true, say.promise, r.promises.map((k) => (k.found ? say.kept(k) : say.waiting(k))));
}

for (const id of ["report", "receipt", "document", "authority", "reference", "account", "papers"]) find(id).disabled = false;
find("why").hidden = true;
find("receipt").multiple = true;
find("receipt").addEventListener("change", async ({ target }) => { // the program loads, and warms up, while people type
  const given = await Promise.all([...target.files].map(read));
  start();
  worker.postMessage({ kind: "load", question: { receipts: joined(given) } });
});
run.addEventListener("click", checkReport);
stop.addEventListener("click", stopReport);
papers.addEventListener("click", checkPapers);
