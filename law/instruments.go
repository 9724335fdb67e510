package law

import (
	"slices"

	"github.com/vitrine-project/vitrine"
)

// The articles that rows below cite more than once.
const (
	basic      = "18 U.S.C. § 2703(c)(2)"
	records    = "18 U.S.C. § 2703(c)(1)"
	content    = "18 U.S.C. § 2703(a), (b)"
	warshak    = "United States v. Warshak, 631 F.3d 266 (6th Cir. 2010): stored content takes a search warrant"
	onlyEU     = "Regulation (EU) 2023/1543, Art. 3(10)"
	onlyEUNote = "data for the sole purpose of identifying a user is a category of EU law only; in the US ask for subscriber data"
	preserving = "Regulation (EU) 2023/1543, Art. 4(3), 6, 11"
	ownForm    = "Regulation (EU) 2023/1543, Art. 5(5)(d)"
	ownNote    = "an EPOC is answered for the category of data that it orders; each category needs its own order"
)

var notInUS = Reach{Article: onlyEU, Note: onlyEUNote}

func reached(article string) Reach         { return Reach{Reached: true, Article: article} }
func notReached(article, why string) Reach { return Reach{Article: article, Note: why} }

// What keeps the process of ordinary criminal law secret, and how it may be
// counted. Nothing limits an exact number of it.
const (
	byOrder    = "18 U.S.C. § 2705(b): only where a court orders it; an agency's request is no order"
	notSecret  = "none: 18 U.S.C. § 2705(b) reaches warrants, subpoenas and court orders only"
	euSecrecy  = "Regulation (EU) 2023/1543, Art. 13: the issuing authority informs the person, the provider keeps the order confidential"
	exactly    = "exactly: no law limits it"
	euCounting = "exactly, Regulation (EU) 2023/1543, Art. 28(4): by category of data and issuing State, received and fulfilled"
)

// instruments is the table.
var instruments = slices.Concat(ordinary, nationalSecurity)

var ordinary = []Instrument{
	{
		ID: "us/subpoena", Name: "Subpoena", Jurisdiction: "us", Issuer: "an agency, a grand jury or a trial court", Produces: true, Compels: true,
		Reaches: map[vitrine.Category]Reach{
			vitrine.Subscriber: reached(basic),
			vitrine.Identity:   notInUS,
			vitrine.Traffic:    notReached(records, "records beyond basic subscriber information take a court order or a warrant"),
			vitrine.Content:    notReached(content, warshak),
		},
		Regime: StoredCommunications, Class: Public, Secrecy: byOrder, Publication: exactly,
		Source: "18 U.S.C. § 2703(b), (c)", Standing: ReadInText,
	},
	{
		ID: "us/court-order-2703d", Name: "Court order under 18 U.S.C. § 2703(d)", Jurisdiction: "us", Issuer: "a court of competent jurisdiction", Produces: true, Compels: true,
		Reaches: map[vitrine.Category]Reach{
			vitrine.Subscriber: reached(basic),
			vitrine.Identity:   notInUS,
			vitrine.Traffic:    reached("18 U.S.C. § 2703(c)(1)(B), (d)"),
			vitrine.Content:    notReached(content, warshak),
		},
		Regime: StoredCommunications, Class: Public, Secrecy: byOrder, Publication: exactly,
		Source: "18 U.S.C. § 2703(c), (d)", Standing: ReadInText,
	},
	{
		ID: "us/search-warrant", Name: "Search warrant", Jurisdiction: "us", Issuer: "a court, on probable cause", Produces: true, Compels: true,
		Reaches: map[vitrine.Category]Reach{
			vitrine.Subscriber: reached(basic),
			vitrine.Identity:   notInUS,
			vitrine.Traffic:    reached("18 U.S.C. § 2703(c)(1)(A)"),
			vitrine.Content:    reached("18 U.S.C. § 2703(a), (b)(1)(A)"),
		},
		Regime: StoredCommunications, Class: Public, Secrecy: byOrder, Publication: exactly,
		Source: "18 U.S.C. § 2703(a), (b)(1)(A), (c)(1)(A), (g)", Standing: ReadInText,
	},
	{
		ID: "us/emergency", Name: "Emergency disclosure request", Jurisdiction: "us", Issuer: "a governmental entity; the provider discloses of its own will and in good faith", Produces: true, Compels: false,
		Reaches: map[vitrine.Category]Reach{
			vitrine.Subscriber: reached("18 U.S.C. § 2702(c)(4)"),
			vitrine.Identity:   notInUS,
			vitrine.Traffic:    reached("18 U.S.C. § 2702(c)(4)"),
			vitrine.Content:    reached("18 U.S.C. § 2702(b)(8)"),
		},
		Regime: StoredCommunications, Class: Public, Secrecy: notSecret, Publication: exactly,
		Source: "18 U.S.C. § 2702(b)(8), (c)(4)", Standing: General,
	},
	{
		ID: "us/preservation", Name: "Preservation request", Jurisdiction: "us", Issuer: "any governmental entity", Produces: false, Compels: true,
		Reaches: map[vitrine.Category]Reach{
			vitrine.Subscriber: reached("18 U.S.C. § 2703(f)"),
			vitrine.Identity:   notInUS,
			vitrine.Traffic:    reached("18 U.S.C. § 2703(f)"),
			vitrine.Content:    reached("18 U.S.C. § 2703(f)"),
		},
		Regime: StoredCommunications, Class: Public, Secrecy: notSecret, Publication: exactly,
		Preserves: Preservation{Days: 90, Renewed: 90, Article: "18 U.S.C. § 2703(f)(2)"},
		Source:    "18 U.S.C. § 2703(f)", Standing: ReadInText,
	},
	epoc("eu/epoc-subscriber", "subscriber data", vitrine.Subscriber, "a judge, court, investigating judge or public prosecutor", "Regulation (EU) 2023/1543, Art. 3(9), 4(1), 5(3)"),
	epoc("eu/epoc-identity", "data to identify the user", vitrine.Identity, "a judge, court, investigating judge or public prosecutor", "Regulation (EU) 2023/1543, Art. 3(10), 4(1), 5(3)"),
	epoc("eu/epoc-traffic", "traffic data", vitrine.Traffic, "a judge, court or investigating judge", "Regulation (EU) 2023/1543, Art. 3(11), 4(2), 5(4)"),
	epoc("eu/epoc-content", "content data", vitrine.Content, "a judge, court or investigating judge", "Regulation (EU) 2023/1543, Art. 3(12), 4(2), 5(4)"),
	{
		ID: "eu/epoc-pr", Name: "European Preservation Order", Jurisdiction: "eu", Issuer: "a judge, court, investigating judge or public prosecutor", Produces: false, Compels: true,
		Reaches: map[vitrine.Category]Reach{
			vitrine.Subscriber: reached(preserving),
			vitrine.Identity:   reached(preserving),
			vitrine.Traffic:    reached(preserving),
			vitrine.Content:    reached(preserving),
		},
		Regime: EEvidence, Class: Public, Secrecy: euSecrecy, Publication: euCounting,
		Preserves: Preservation{Days: 60, Renewed: 30, Article: "Regulation (EU) 2023/1543, Art. 11(1), (2)"},
		Source:    preserving, Standing: ReadInText,
	},
}

// epoc is the row of a European Production Order Certificate: it reaches the
// one category that it orders.
func epoc(id vitrine.InstrumentID, of string, c vitrine.Category, issuer, article string) Instrument {
	i := Instrument{
		ID: id, Name: "European Production Order for " + of, Jurisdiction: "eu", Issuer: issuer, Produces: true, Compels: true,
		Regime: EEvidence, Class: Public, Secrecy: euSecrecy, Publication: euCounting,
		Reaches: map[vitrine.Category]Reach{}, Source: article, Standing: ReadInText,
	}
	for _, other := range vitrine.Categories {
		i.Reaches[other] = notReached(ownForm, ownNote)
	}
	i.Reaches[c] = reached(article)
	return i
}
