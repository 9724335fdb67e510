// "Check this report" and "is my demand counted?" on a report's page. The checks
// run here, in this browser: files that are chosen stay in it.

const page = document.getElementById("check");
const find = (id) => document.getElementById("check-" + id);
const root = new URL(page.dataset.root || "./", document.baseURI).href;
const lang = ["en", "fr", "de"].find((l) => document.documentElement.lang.startsWith(l)) || "en";

const sentences = {
  en: {
    ledger: (l) => `The ledger ${l.origin} has ${num(l.size)} entries; ${num(l.proofs)} proofs hold.`,
    seen: (l) => `${l.quorum} of ${l.witnesses.length} witnesses saw ${l.origin}: ${when(l.seen)}.`,
    stated: (s) => `On ${day(s.day)} an auditor said of ${say.looked[s.procedure](s)}, ${span(s)}: ${s.passed ? "passed" : "failed"}. It is worth what you know of the key ${s.auditor}.`,
    looked: { bundles: () => "every leaf", tally: (s) => `the list of sheet ${s.sheet} and its proof`, sample: (s) => `drawn demands of sheet ${s.sheet} and their papers` },
    noStatement: (s) => `Caution: document ${s.digest} is called an auditor’s statement, and nothing follows from it.`,
    few: (o) => `Caution: fewer than two of three independent witnesses watch ${o}. The result holds for the copy on this site; others may be shown another.`,
    closed: (o) => `Caution: in ${o} the leaves of some periods are not public. That their sums are right rests on an auditor.`,
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
    choose: "Choose your papers first: receipts, promises, or an answer.",
    three: "Document, authority and reference are checked together: give all three, or none.",
    fact: (s) => `${fact(s)}, ${day(s.day)}, table “${named("sheet", s.sheet)}”: entry ${num(s.index)}.`,
    watched: (s) => `${s.witnesses} of ${s.witnesses_of} witnesses saw it: ${when(s.seen)}.`,
    nobody: "Caution: nobody watches this ledger, so the receipt holds for one view alone.",
    account: (a) => `It is of account ${a}.`,
    counted: (c) => `Counted in table “${named("sheet", c.table)}”, report ${named("report", c.report)}: ${totals(c.row)}.`,
    later: (c) => `Not in a report yet. Table “${named("sheet", c.table)}” tells it from ${when(c.not_before)} on, by ${when(c.due)} at the latest.`,
    deferred: "In the ledger, and in no table yet: the law defers it.",
    read: "The report’s totals were read, not proved: “check this report” proves them.",
    receiptSays: "Compare what you typed and chose. If all is right, keep the receipt and ask the provider, or show it to an auditor.",
    kept: (k) => `Kept: the leaf is entry ${num(k.index)}, seen ${when(k.seen)}.`,
    waiting: (k) => `Not kept yet: due ${when(k.due)}; the ledger is public up to ${when(k.through)}.`,
    sealed: (f) => `${f} is sealed. Open it first, with your key: age -d -i KEYFILE -o ${f.replace(/\.age$/, "") || "paper"}${f.endsWith(".age") ? "" : ".txt"} ${f}. Then choose what comes out.`,
    noPaper: (f) => `${f} is no paper of a ledger: no receipt, no promise, and no answer. Nothing was checked of it.`,
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
    both: "To see whether a promise answers your submission, give authority and reference.",
    perhaps: "A demand is in the ledger. Whether it is yours is not checked.",
    give: "To check that it is yours, give the document as it was sent, the authority and the reference; with a user’s receipt, the account.",
    noReceipt: (names) => `No receipt here is of the account ${names}.`,
    noReceiptSays: "Check how the account is written. The receipts were not found wrong; choose all that you were sent.",
    late: "Caution: the answer came after its time.",
    types: { demand: "Demand", account: "Account named by a demand", content: "Content given", noncontent: "Other data only given", nodata: "Nothing held", rejected: "Demand refused", voided: "Demand voided" },
    gaps: { papers: "authority, reference and document", demand: "which demand it belongs to (a user’s receipt does not show it)", other: "an account that you did not name", account: "the account", promise: "the promise" },
  },
  fr: {
    ledger: (l) => `Le registre ${l.origin} compte ${num(l.size)} entrées ; ${num(l.proofs)} preuves tiennent.`,
    seen: (l) => `${l.quorum} témoins sur ${l.witnesses.length} ont vu ${l.origin} : ${when(l.seen)}.`,
    stated: (s) => `Le ${day(s.day)}, un auditeur a dit de ${say.looked[s.procedure](s)}, ${span(s)} : ${s.passed ? "succès" : "échec"}. Cela vaut ce que vous savez de la clé ${s.auditor}.`,
    looked: { bundles: () => "chaque feuille", tally: (s) => `la liste de la feuille ${s.sheet} et sa preuve`, sample: (s) => `demandes tirées de la feuille ${s.sheet} et leurs pièces` },
    noStatement: (s) => `Attention : le document ${s.digest} est dit déclaration d’un auditeur, et rien n’en découle.`,
    few: (o) => `Attention : moins de deux témoins indépendants sur trois surveillent ${o}. Le résultat vaut pour la copie de ce site ; d’autres peuvent en voir une autre.`,
    closed: (o) => `Attention : dans ${o}, les feuilles de certaines périodes ne sont pas publiques. L’exactitude de leurs sommes repose sur un auditeur.`,
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
    choose: "Choisissez d’abord vos pièces : reçus, promesses ou réponse.",
    three: "Document, autorité et référence se vérifient ensemble : donnez les trois, ou aucun.",
    fact: (s) => `${fact(s)}, ${day(s.day)}, tableau « ${named("sheet", s.sheet)} » : entrée ${num(s.index)}.`,
    watched: (s) => `${s.witnesses} témoins sur ${s.witnesses_of} l’ont vu : ${when(s.seen)}.`,
    nobody: "Attention : personne ne surveille ce registre ; le reçu ne vaut que pour une seule vue.",
    account: (a) => `Il porte sur le compte ${a}.`,
    counted: (c) => `Compté dans le tableau « ${named("sheet", c.table)} », rapport ${named("report", c.report)} : ${totals(c.row)}.`,
    later: (c) => `Pas encore dans un rapport. Le tableau « ${named("sheet", c.table)} » le dit à partir du ${when(c.not_before)}, au plus tard le ${when(c.due)}.`,
    deferred: "Dans le registre, et encore dans aucun tableau : la loi le diffère.",
    read: "Les totaux du rapport ont été lus, non prouvés : « vérifier ce rapport » les prouve.",
    receiptSays: "Comparez ce que vous avez saisi et choisi. Si tout est exact, gardez le reçu et interrogez le fournisseur, ou montrez-le à un auditeur.",
    kept: (k) => `Tenue : la feuille est l’entrée ${num(k.index)}, vue ${when(k.seen)}.`,
    waiting: (k) => `Pas encore tenue : échéance ${when(k.due)} ; le registre est public jusqu’au ${when(k.through)}.`,
    sealed: (f) => `${f} est scellé. Ouvrez-le d’abord avec votre clé : age -d -i KEYFILE -o ${f.replace(/\.age$/, "") || "paper"}${f.endsWith(".age") ? "" : ".txt"} ${f}. Choisissez ensuite ce qui en sort.`,
    noPaper: (f) => `${f} n’est pas une pièce d’un registre : ni reçu, ni promesse, ni réponse. Rien n’en a été vérifié.`,
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
    both: "Pour voir si une promesse répond à votre envoi, donnez autorité et référence.",
    perhaps: "Une demande est dans le registre. Qu’elle soit la vôtre n’est pas vérifié.",
    give: "Pour vérifier qu’elle est la vôtre, donnez le document tel qu’il fut envoyé, l’autorité et la référence ; avec le reçu d’un utilisateur, le compte.",
    noReceipt: (names) => `Aucun reçu ici ne porte sur le compte ${names}.`,
    noReceiptSays: "Vérifiez comment le compte s’écrit. Rien de faux n’a été trouvé dans les reçus ; choisissez tous ceux que vous avez reçus.",
    late: "Attention : la réponse est venue après le délai.",
    types: { demand: "Demande", account: "Compte visé par une demande", content: "Contenu remis", noncontent: "Seules d’autres données remises", nodata: "Rien de détenu", rejected: "Demande refusée", voided: "Demande annulée" },
    gaps: { papers: "autorité, référence et document", demand: "à quelle demande il appartient (le reçu d’un utilisateur ne le montre pas)", other: "un compte que vous n’avez pas nommé", account: "le compte", promise: "la promesse" },
  },
  de: {
    ledger: (l) => `Das Verzeichnis ${l.origin} hat ${num(l.size)} Einträge; ${num(l.proofs)} Beweise halten.`,
    seen: (l) => `${l.quorum} von ${l.witnesses.length} Zeugen haben ${l.origin} gesehen: ${when(l.seen)}.`,
    stated: (s) => `Am ${day(s.day)} sagte ein Prüfer über ${say.looked[s.procedure](s)}, ${span(s)}: ${s.passed ? "bestanden" : "nicht bestanden"}. Das ist so viel wert, wie Sie vom Schlüssel ${s.auditor} wissen.`,
    looked: { bundles: () => "jedes Blatt", tally: (s) => `die Liste des Bogens ${s.sheet} und ihren Beweis`, sample: (s) => `gezogene Verlangen des Bogens ${s.sheet} und ihre Papiere` },
    noStatement: (s) => `Vorsicht: Das Dokument ${s.digest} heißt Erklärung eines Prüfers, und nichts folgt daraus.`,
    few: (o) => `Vorsicht: Weniger als zwei von drei unabhängigen Zeugen beobachten ${o}. Das Ergebnis gilt für die Kopie dieser Seite; anderen kann eine andere gezeigt werden.`,
    closed: (o) => `Vorsicht: In ${o} sind die Blätter mancher Zeiträume nicht öffentlich. Dass ihre Summen stimmen, beruht auf einem Prüfer.`,
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
    choose: "Wählen Sie zuerst Ihre Papiere: Quittungen, Versprechen oder eine Antwort.",
    three: "Dokument, Behörde und Aktenzeichen werden zusammen geprüft: Geben Sie alle drei an, oder keines.",
    fact: (s) => `${fact(s)}, ${day(s.day)}, Tabelle „${named("sheet", s.sheet)}“: Eintrag ${num(s.index)}.`,
    watched: (s) => `${s.witnesses} von ${s.witnesses_of} Zeugen haben es gesehen: ${when(s.seen)}.`,
    nobody: "Vorsicht: Niemand beobachtet dieses Verzeichnis; die Quittung gilt nur für eine einzige Sicht.",
    account: (a) => `Sie betrifft das Konto ${a}.`,
    counted: (c) => `Gezählt in Tabelle „${named("sheet", c.table)}“, Bericht ${named("report", c.report)}: ${totals(c.row)}.`,
    later: (c) => `Noch in keinem Bericht. Tabelle „${named("sheet", c.table)}“ nennt es ab ${when(c.not_before)}, spätestens ${when(c.due)}.`,
    deferred: "Im Verzeichnis, und noch in keiner Tabelle: Das Gesetz schiebt es auf.",
    read: "Die Summen des Berichts wurden gelesen, nicht bewiesen: „diesen Bericht prüfen“ beweist sie.",
    receiptSays: "Vergleichen Sie, was Sie eingegeben und gewählt haben. Stimmt alles, so bewahren Sie die Quittung auf und fragen Sie den Anbieter, oder zeigen Sie sie einem Prüfer.",
    kept: (k) => `Gehalten: Das Blatt ist Eintrag ${num(k.index)}, gesehen ${when(k.seen)}.`,
    waiting: (k) => `Noch nicht gehalten: fällig ${when(k.due)}; das Verzeichnis ist öffentlich bis ${when(k.through)}.`,
    sealed: (f) => `${f} ist versiegelt. Öffnen Sie es zuerst mit Ihrem Schlüssel: age -d -i KEYFILE -o ${f.replace(/\.age$/, "") || "paper"}${f.endsWith(".age") ? "" : ".txt"} ${f}. Wählen Sie dann, was herauskommt.`,
    noPaper: (f) => `${f} ist kein Papier eines Verzeichnisses: keine Quittung, kein Versprechen, keine Antwort. Nichts davon wurde geprüft.`,
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
    both: "Um zu sehen, ob ein Versprechen Ihre Einsendung beantwortet, geben Sie Behörde und Aktenzeichen an.",
    perhaps: "Ein Verlangen steht im Verzeichnis. Ob es Ihres ist, ist ungeprüft.",
    give: "Um zu prüfen, ob es Ihres ist, geben Sie das Dokument, wie es gesendet wurde, Behörde und Aktenzeichen an; bei der Quittung eines Nutzers das Konto.",
    noReceipt: (names) => `Keine Quittung hier betrifft das Konto ${names}.`,
    noReceiptSays: "Prüfen Sie die Schreibweise des Kontos. An den Quittungen wurde nichts Falsches gefunden; wählen Sie alle, die Sie erhalten haben.",
    late: "Vorsicht: Die Antwort kam nach der Frist.",
    types: { demand: "Verlangen", account: "Konto, das ein Verlangen nennt", content: "Inhalt übergeben", noncontent: "Nur andere Daten übergeben", nodata: "Nichts vorhanden", rejected: "Verlangen abgelehnt", voided: "Verlangen hinfällig" },
    gaps: { papers: "Behörde, Aktenzeichen und Dokument", demand: "zu welchem Verlangen sie gehört (die Quittung eines Nutzers zeigt es nicht)", other: "ein Konto, das Sie nicht genannt haben", account: "das Konto", promise: "das Versprechen" },
  },
};
const say = sentences[lang];
const words = find("words").dataset;

const num = (n) => n.toLocaleString(lang);
const when = (t) => new Date(t * 1000).toLocaleString(lang, { timeZone: "UTC", dateStyle: "long", timeStyle: "short" }) + " UTC";
const date = (t) => new Date(t * 1000).toLocaleDateString(lang, { timeZone: "UTC", dateStyle: "long" });
const day = (d) => new Date(d + "T00:00:00Z").toLocaleDateString(lang, { timeZone: "UTC", dateStyle: "long" });
const span = (s) => `${date(s.from)} – ${date(s.to - 1)}`;
// named is what the page calls a sheet, a report or a field.
const named = (kind, name) => find("names").content.querySelector(`[value="${CSS.escape(kind + ":" + name)}"]`)?.textContent || name;
const fact = (s) => (say.types[s.type] || s.type) + s.values.filter((v) => v.field !== s.type).map((v) => `, ${named("field", v.field)}: ${num(v.number)}`).join("");
const totals = (row) => row.fields.map((f) => named("field", f.name) + ": " +
  (f.total !== undefined ? num(f.total) : f.low !== undefined ? `${num(f.low)}–${num(f.low + f.width - 1)}` : "…")).join(", ");

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

// Telling: a verdict with its lines, in a live region. It is good, wrong or open.
function boxed(kind, head, lines, note) {
  const box = find(kind).content.cloneNode(true);
  box.querySelector("b").textContent = head;
  for (const line of lines) {
    const li = document.createElement("li");
    li.append(line);
    box.querySelector(".checks").append(li);
  }
  if (note) box.querySelector(".note").textContent = note;
  return box;
}

function verdict(where, good, head, lines, note) {
  where.replaceChildren(boxed(good ? "good" : "wrong", head, lines, note));
}

function plain(text) {
  const p = document.createElement("p");
  p.className = "note";
  p.textContent = text;
  return p;
}

const tell = (where, text) => where.replaceChildren(plain(text));

// reason is the exact reason, which is said in English.
function reason(r) {
  const span = document.createElement("span");
  const exact = document.createElement("q");
  exact.lang = "en";
  exact.textContent = r.reason;
  span.append(say.reason + " ", exact);
  return span;
}

const undone = (r) => boxed("open", say.unfinished, [reason(r)], location.protocol === "file:" ? say.local : say.unfinishedSays);

// Check this report.
const run = find("report"), stop = find("stop"), bar = find("progress"), output = find("output");

function busy(on) {
  run.disabled = on;
  bar.hidden = stop.hidden = !on;
  bar.value = 0;
}

function reportLines(r, mine) {
  const lines = [];
  const all = (some) => new Intl.ListFormat(lang).format(some.map((l) => l.origin));
  const few = r.ledgers.filter((l) => !l.watched), closed = r.ledgers.filter((l) => l.closed.length);
  if (few.length) lines.push(say.few(all(few)));
  if (closed.length) lines.push(say.closed(all(closed)));
  for (const l of r.ledgers) {
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
  if (r.failed) return output.replaceChildren(undone(r));
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
const heads = [
  ["receipt", "c2sp.org/tlog-proof@v1\n"], ["promise", "vitrine/promise/v1\n"],
  ["submission", "vitrine/submission/v1\n"], ["submission", "vitrine/declined/v1\n"],
  ["sealed", "age-encryption.org/v1\n"], ["sealed", "-----BEGIN AGE ENCRYPTED FILE-----"],
];

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
  const lines = r.receipts.some((s) => !s.seen) ? [say.nobody] : [];
  for (const s of r.receipts) {
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
  if (s.late) lines.push(say.late);
  if (s.complaint) lines.push(say.complaint);
  else if (!s.due && !s.declined) lines.push(say.unanswered);
  if (!s.compared) lines.push(`${words.unchecked}: ${say.paper}`);
  return lines;
}

// mine reports whether what was typed and chosen shows whose demand it is.
const mine = (r) => r.receipts.every(({ gaps = [], account }) => !gaps.includes("papers") && (!gaps.includes("demand") || account));

async function askReceipts(q, known) {
  if ([known.document, known.authority, known.reference].filter(Boolean).length % 3) return plain(say.three);
  const r = await ask("receipt", { ...known, receipts: joined(q.receipt), promises: q.promise });
  if (r.failed) return undone(r);
  if (r.missing) return boxed("open", say.noReceipt(r.missing.join(", ")), [], say.noReceiptSays);
  if (!r.verified) return boxed("wrong", words.receiptWrong, [reason(r)], say.receiptSays);
  return mine(r) ? boxed("good", words.receiptGood, receiptLines(r)) : boxed("open", say.perhaps, receiptLines(r), say.give);
}

async function askSubmission(q, known) {
  if (q.promise.length && !(known.authority && known.reference)) return plain(say.both);
  const r = await ask("submission", { ...known, papers: joined(q.submission), promises: q.promise });
  if (r.failed) return undone(r);
  if (!r.verified) return boxed("wrong", words.receiptWrong, [reason(r)], say.receiptSays);
  return boxed(r.late || r.complaint ? "open" : "good", say.submission, submissionLines(r));
}

async function askPromises(q, known) {
  const r = await ask("promise", { promises: joined(q.promise), now: known.now });
  if (r.failed) return undone(r);
  if (!r.verified) return boxed("wrong", say.promiseWrong, [reason(r)], r.broken ? say.promiseSays : say.receiptSays);
  return boxed("good", say.promise, r.promises.map((k) => (k.found ? say.kept(k) : say.waiting(k))));
}

async function checkPapers() {
  const field = (id) => find(id).value.trim();
  const [document_] = await Promise.all([...find("document").files].map(read));
  const q = { receipt: [], promise: [], submission: [] }, said = [];
  for (const file of find("receipt").files) {
    const bytes = await read(file);
    const kind = heads.find(([, head]) => begins(bytes, head))?.[0];
    if (q[kind]) q[kind].push(bytes);
    else said.push(plain(kind ? say.sealed(file.name) : say.noPaper(file.name)));
  }
  if (!find("receipt").files.length) return tell(answer, say.choose);
  papers.disabled = true;
  tell(answer, words.running);
  const known = {
    document: document_, authority: field("authority"), reference: field("reference"), now: Math.floor(Date.now() / 1000),
    accounts: field("account").split(/[\n,]/).map((name) => name.trim()).filter(Boolean),
  };
  if (q.submission.length) said.push(await askSubmission(q, known));
  if (q.receipt.length) said.push(await askReceipts(q, known));
  else if (q.promise.length) said.push(await askPromises(q, known));
  papers.disabled = false;
  answer.replaceChildren(...said);
}

// The command takes this very site, where its page does not know the address.
const local = location.protocol === "file:";
for (const site of page.querySelectorAll(".site")) {
  site.textContent = local ? `'${decodeURIComponent(new URL(root).pathname)}'` : root;
  page.querySelector(".put").hidden = true;
}

for (const id of ["report", "receipt", "document", "authority", "reference", "account", "papers"]) find(id).disabled = false;
find("why").hidden = true;
find("receipt").addEventListener("change", async ({ target }) => { // the program loads, and warms up, while people type
  const given = await Promise.all([...target.files].map(read));
  start();
  worker.postMessage({ kind: "load", question: { receipts: joined(given) } });
});
run.addEventListener("click", checkReport);
stop.addEventListener("click", stopReport);
papers.addEventListener("click", checkPapers);
