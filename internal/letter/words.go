package letter

import "github.com/vitrine-project/vitrine"

// words are what values are called in one language. What a table lacks is
// shown as it is recorded.
type words struct {
	fields      map[string]string
	categories  map[string]string
	clocks      map[string]string
	any         string // correspondents or keywords, where there is no limit
	instruments map[vitrine.InstrumentID]string
	reasons     map[string]string
}

var languages = map[string]words{
	"en": {
		fields: map[string]string{
			"accounts": "Accounts", "categories": "Data", "from": "Beginning of the period", "to": "End of the period (not included)", "correspondents": "Correspondents", "keywords": "Keywords",
		},
		categories: map[string]string{
			"subscriber": "subscriber data", "identity": "data to identify the user", "traffic": "traffic data", "content": "content data",
		},
		clocks: map[string]string{"received": "when our systems received the item, by their own record", "sent": "when the item says that it was sent (Date header)"},
		any:    "any",
	},
	"fr": {
		fields: map[string]string{
			"accounts": "Comptes", "categories": "Données", "from": "Début de la période", "to": "Fin de la période (non comprise)", "correspondents": "Correspondants", "keywords": "Mots-clés",
		},
		categories: map[string]string{
			"subscriber": "données relatives aux abonnés", "identity": "données demandées à la seule fin d'identifier l'utilisateur",
			"traffic": "données relatives au trafic", "content": "données relatives au contenu",
		},
		clocks: map[string]string{"received": "celle de la réception par nos systèmes, selon leur propre registre", "sent": "celle que l'élément donne pour son envoi (en-tête Date)"},
		any:    "tous",
		instruments: map[vitrine.InstrumentID]string{
			"eu/epoc-subscriber": "Injonction européenne de production de données relatives aux abonnés",
			"eu/epoc-identity":   "Injonction européenne de production de données demandées à la seule fin d'identifier l'utilisateur",
			"eu/epoc-traffic":    "Injonction européenne de production de données relatives au trafic",
			"eu/epoc-content":    "Injonction européenne de production de données relatives au contenu",
			"eu/epoc-pr":         "Injonction européenne de conservation",
		},
		reasons: map[string]string{
			"period-beyond-order":     "La période demandée dépasse celle que l'acte indique.",
			"account-not-named":       "L'acte ne nomme pas ce compte.",
			"category-not-reached":    "L'acte ne s'étend pas à cette catégorie de données.",
			"category-not-ordered":    "L'acte ne demande pas cette catégorie de données.",
			"not-particular":          "La demande ne décrit pas cette partie avec assez de précision.",
			"correspondent-not-named": "L'acte ne nomme pas ce correspondant.",
			"data-not-held":           "Le fournisseur ne détient pas de données de cette catégorie dans les systèmes qui répondent aux demandes.",
			"business-customer":       "Les données appartiennent à une entreprise cliente, vers laquelle la demande est réorientée.",
			"privileged":              "Les données sont protégées par une immunité ou un privilège.",
			"court-modified":          "Une juridiction a modifié l'acte.",
			"agreed":                  "L'autorité a accepté le champ plus étroit.",
		},
	},
	"de": {
		fields: map[string]string{
			"accounts": "Konten", "categories": "Daten", "from": "Beginn des Zeitraums", "to": "Ende des Zeitraums (ausschließlich)", "correspondents": "Korrespondenten", "keywords": "Suchwörter",
		},
		categories: map[string]string{
			"subscriber": "Teilnehmerdaten", "identity": "allein zur Identifizierung des Nutzers angeforderte Daten", "traffic": "Verkehrsdaten", "content": "Inhaltsdaten",
		},
		clocks: map[string]string{"received": "die des Eingangs in unseren Systemen, nach deren eigener Aufzeichnung", "sent": "die der Absendung, die der Eintrag selbst nennt (Date-Kopfzeile)"},
		any:    "alle",
		instruments: map[vitrine.InstrumentID]string{
			"eu/epoc-subscriber": "Europäische Herausgabeanordnung für Teilnehmerdaten",
			"eu/epoc-identity":   "Europäische Herausgabeanordnung für allein zur Identifizierung des Nutzers angeforderte Daten",
			"eu/epoc-traffic":    "Europäische Herausgabeanordnung für Verkehrsdaten",
			"eu/epoc-content":    "Europäische Herausgabeanordnung für Inhaltsdaten",
			"eu/epoc-pr":         "Europäische Sicherungsanordnung",
		},
		reasons: map[string]string{
			"period-beyond-order":     "Der verlangte Zeitraum geht über den hinaus, den die Maßnahme nennt.",
			"account-not-named":       "Die Maßnahme nennt das Konto nicht.",
			"category-not-reached":    "Die Maßnahme reicht nicht bis zu dieser Datenkategorie.",
			"category-not-ordered":    "Die Maßnahme verlangt diese Datenkategorie nicht.",
			"not-particular":          "Das Verlangen beschreibt diesen Teil nicht bestimmt genug.",
			"correspondent-not-named": "Die Maßnahme nennt den Korrespondenten nicht.",
			"data-not-held":           "Der Anbieter hält in den Systemen, aus denen er Verlangen beantwortet, keine Daten dieser Kategorie.",
			"business-customer":       "Die Daten gehören einem Geschäftskunden, an den das Verlangen verwiesen wird.",
			"privileged":              "Die Daten sind durch eine Immunität oder ein Vorrecht geschützt.",
			"court-modified":          "Ein Gericht hat die Maßnahme geändert.",
			"agreed":                  "Die Behörde hat dem engeren Umfang zugestimmt.",
		},
	},
}
