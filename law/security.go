package law

import "github.com/vitrine-project/vitrine"

// The articles that national-security rows cite more than once.
const (
	nsl          = "18 U.S.C. § 2709(a), (b)"
	nslNote      = "an NSL reaches name, address, length of service, and local and long distance toll billing records"
	fisaContent  = "50 U.S.C. §§ 1805, 1824, 1881a"
	penRegister  = "50 U.S.C. § 1842"
	thing        = "50 U.S.C. § 1861"
	carriers     = "50 U.S.C. §§ 1861, 1862"
	carriersNote = "since 15 March 2020 the text of before 2001: records of common carriers, public accommodation, physical storage and vehicle rental"
	nonContent   = "an order for noncontents never reaches contents (50 U.S.C. § 1874(d), 18 U.S.C. § 2510(8))"
	nslSecrecy   = "18 U.S.C. § 2709(c), 3511: nondisclosure on certification, with judicial review"
	nslCounting  = "in bands only, 50 U.S.C. § 1874(a); on a national security letter without delay, (b)(1)(A)"
	fisaCounting = "in bands only, 50 U.S.C. § 1874(a); 180 days after the period in structures (1) and (2), (b)(1)(B); a year in (4), (b)(3)"
	newCounting  = "in bands only, 50 U.S.C. § 1874(a); 540 days after receipt in structures (1) and (2), (b)(1)(B); as all others in (3) and (4)"
	newPlatform  = ", on a platform, product or service without one before"
	lapsed       = "subchapter IV as it was until 15 March 2020: for what was begun before"
	surveillance = "the Foreign Intelligence Surveillance Court"
)

// The sheets whose number and name the law of counting fixes.
const (
	nslSheet        = "us/nsl"
	contentSheet    = "us/fisa-content"
	noncontentSheet = "us/fisa-noncontent"
	penSheet        = "us/fisa-prtt"
	recordsBSheet   = "us/fisa-records-b"
	recordsCSheet   = "us/fisa-records-c"

	newSuffix = "-new"
)

// nationalSecurity are the instruments that 50 U.S.C. § 1874 speaks of. Those of
// FISA have a twin each, for orders that reach a platform, product or service
// which had none before: § 1874(b)(1)(B) keeps these back for 540 days.
// National security letters have none, as the exception is not about them.
var nationalSecurity = withTwins(
	Instrument{
		ID: nslSheet, Name: "National security letter", Issuer: "the Federal Bureau of Investigation, without a judge",
		Reaches: map[vitrine.Category]Reach{
			vitrine.Subscriber: {Reached: true, Article: nsl, Note: nslNote + " only, not all basic subscriber information (Office of Legal Counsel, 2008)"},
			vitrine.Identity:   notInUS,
			vitrine.Traffic:    notReached(nsl, nslNote+" only"),
			vitrine.Content:    notReached(nsl, "an NSL never reaches content"),
		},
		Secrecy: nslSecrecy, Publication: nslCounting, Source: "18 U.S.C. § 2709",
	},
	Instrument{
		ID: contentSheet, Name: "FISA order or directive for contents", Issuer: surveillance + ", or the Attorney General and the Director of National Intelligence (50 U.S.C. § 1881a)",
		Reaches: map[vitrine.Category]Reach{
			vitrine.Subscriber: reached(fisaContent),
			vitrine.Identity:   notInUS,
			vitrine.Traffic:    reached(fisaContent),
			vitrine.Content:    reached(fisaContent),
		},
		Secrecy: "50 U.S.C. §§ 1805(c)(2)(B), 1824(c)(2)(B), 1881a(i)(1)(A): the order or directive itself commands it", Source: fisaContent,
	},
	noncontents(noncontentSheet, "FISA order for noncontents under another provision", carriers, Reach{Reached: true, Article: carriers, Note: carriersNote}, carriers),
	noncontents(penSheet, "FISA order for a pen register or trap and trace device", penRegister, reached(penRegister+"(d)(2)(C)"), penRegister),
	noncontents(recordsBSheet, "FISA order for tangible things, § 1861(b)(2)(B)", thing, reached(thing), thing+"(b)(2)(B), "+lapsed),
	noncontents(recordsCSheet, "FISA order for call detail records, § 1861(b)(2)(C)", thing+"(b)(2)(C)",
		notReached(thing+"(k)(3)", "a call detail record holds neither name, address nor financial information of a subscriber"), thing+"(b)(2)(C), (k)(3), "+lapsed),
)

// noncontents is the row of a FISA order that does not reach contents. Orders
// are counted on one sheet, as § 1874(a)(1)(E) does; their selectors on a sheet
// of their provision, as (F) does.
func noncontents(id vitrine.InstrumentID, name, article string, subscriber Reach, source string) Instrument {
	return Instrument{
		ID: id, Name: name, Issuer: surveillance,
		Reaches: map[vitrine.Category]Reach{
			vitrine.Subscriber: subscriber,
			vitrine.Identity:   notInUS,
			vitrine.Traffic:    reached(article),
			vitrine.Content:    notReached(article, nonContent),
		},
		Sheet: noncontentSheet, AccountSheet: string(id),
		Secrecy: "50 U.S.C. §§ 1842(d)(2)(B), 1861(d): the order itself commands it", Source: source,
	}
}

// withTwins fills in what all have in common and adds the twins.
func withTwins(rows ...Instrument) []Instrument {
	var all []Instrument
	for _, i := range rows {
		i.Jurisdiction, i.Produces, i.Compels = "us", true, true
		i.Regime, i.Class, i.Standing = NationalSecurity, Restricted, General
		if i.ID == nslSheet {
			all = append(all, i)
			continue
		}
		i.Publication = fisaCounting
		twin := i.copy()
		twin.ID += newSuffix
		twin.Name += newPlatform
		twin.Publication = newCounting
		if twin.Sheet != "" {
			twin.Sheet, twin.AccountSheet = twin.Sheet+newSuffix, twin.AccountSheet+newSuffix
		}
		all = append(all, i, twin)
	}
	return all
}
