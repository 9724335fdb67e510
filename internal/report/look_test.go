package report

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/vitrine-project/vitrine/law"
)

var token = regexp.MustCompile(`--([a-z0-9-]+): (#[0-9a-f]{6}|#[0-9a-f]{3});`)

// tokens are the colours of a block of the style sheet.
func tokens(css string) map[string]string {
	all := map[string]string{}
	for _, m := range token.FindAllStringSubmatch(css, -1) {
		all[m[1]] = m[2]
	}
	return all
}

// luminance is that of WCAG 2.
func luminance(t *testing.T, hex string) float64 {
	if len(hex) == 4 {
		hex = "#" + strings.Repeat(hex[1:2], 2) + strings.Repeat(hex[2:3], 2) + strings.Repeat(hex[3:4], 2)
	}
	n, err := strconv.ParseUint(hex[1:], 16, 32)
	if err != nil {
		t.Fatal(err)
	}
	part := func(shift int) float64 {
		c := float64(n>>shift&255) / 255
		if c <= 0.04045 {
			return c / 12.92
		}
		return math.Pow((c+0.055)/1.055, 2.4)
	}
	return 0.2126*part(16) + 0.7152*part(8) + 0.0722*part(0)
}

func contrast(t *testing.T, a, b string) float64 {
	x, y := luminance(t, a), luminance(t, b)
	return (math.Max(x, y) + 0.05) / (math.Min(x, y) + 0.05)
}

// TestContrast wants WCAG 2 level AA of every pair of colours in use: 4.5 for
// text, 3 for edges and bars, by day, by night and on paper.
func TestContrast(t *testing.T) {
	b, err := staticFiles.ReadFile("static/style.css")
	if err != nil {
		t.Fatal(err)
	}
	css := string(b)
	day, rest, ok := strings.Cut(css, "@media screen and (prefers-color-scheme: dark)")
	_, paper, ok2 := strings.Cut(rest, "@media print")
	if !ok || !ok2 {
		t.Fatal("the style sheet has no block for the night or for paper")
	}
	night := rest[:strings.Index(rest, "*, *::before")]
	themes := map[string]map[string]string{"day": tokens(day), "night": tokens(night), "paper": tokens(day)}
	for k, v := range tokens(paper) {
		themes["paper"][k] = v
	}
	for name, theme := range themes {
		for _, pair := range []struct {
			text, ground string
			least        float64
		}{
			{"ink", "wall", 7}, {"ink", "glass", 7}, {"ink-2", "wall", 4.5}, {"ink-2", "glass", 4.5}, {"ink-2", "sunk", 4.5}, {"ink-3", "wall", 4.5}, {"ink-3", "glass", 4.5}, {"ink-3", "sunk", 4.5},
			{"green", "wall", 4.5}, {"green", "glass", 4.5}, {"green", "green-wash", 4.5}, {"green-deep", "wall", 4.5}, {"on-green", "green", 4.5}, {"on-green", "green-deep", 4.5}, {"on-mid", "green-mid", 4.5},
			{"ink", "amber-wash", 4.5}, {"amber", "amber-wash", 4.5}, {"red", "red-wash", 4.5}, {"ink", "red-wash", 4.5}, {"edge", "glass", 3}, {"edge", "wall", 3},
		} {
			a, b := theme[pair.text], theme[pair.ground]
			if a == "" || b == "" {
				if name == "night" || name == "day" {
					t.Errorf("%s has no colour %s or %s", name, pair.text, pair.ground)
				}
				continue
			}
			if got := contrast(t, a, b); got < pair.least {
				t.Errorf("%s: %s on %s is %.2f to 1, want %.1f", name, pair.text, pair.ground, got, pair.least)
			}
		}
	}
}

// TestStyle wants nothing from elsewhere.
func TestStyle(t *testing.T) {
	b, _ := staticFiles.ReadFile("static/style.css")
	css := string(b)
	for _, m := range regexp.MustCompile(`url\(([^)]*)\)`).FindAllStringSubmatch(css, -1) {
		if m[1] != "#hatch" {
			t.Errorf("url(%s)", m[1])
		}
	}
	for _, bad := range []string{"@import", "http", "expression", "@font-face"} {
		if strings.Contains(css, bad) {
			t.Errorf("the style sheet has %s", bad)
		}
	}
	for _, want := range []string{"@media print", "prefers-color-scheme: dark", ":focus-visible", "prefers-reduced-motion", "forced-colors", "max-width: 560px"} {
		if !strings.Contains(css, want) {
			t.Errorf("the style sheet has no %s", want)
		}
	}
	for _, m := range regexp.MustCompile(`outline: *(none|0)`).FindAllString(css, -1) {
		t.Errorf("%s takes the focus ring away", m)
	}
}

func length(t *testing.T, n *html.Node, name string) float64 {
	s, _ := attr(n, name)
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func byID(n *html.Node, id string) *html.Node {
	for _, e := range elements(n, "") {
		if got, _ := attr(e, "id"); got == id {
			return e
		}
	}
	return nil
}

// TestBars measures the bars: they begin at zero, and are as long as what they
// stand for, all on one scale; a range begins at its least number.
func TestBars(t *testing.T) {
	doc := parse(t, site(t, plans(t)["full"].view(t))["reports/2026-H2/index.html"])
	scale := 0.0
	for i, svg := range elements(byID(doc, "chart-kinds"), "svg") {
		id := ordinarySheetsInOrder[i]
		for period, rect := range elements(svg, "rect") {
			n := float64(counted(period, id, law.Demand))
			if base := length(t, rect, "y") + length(t, rect, "height"); math.Abs(base-88) > 0.11 {
				t.Errorf("%s: a bar ends at %.1f, not at the base", id, base)
			}
			if scale == 0 {
				scale = length(t, rect, "height") / n
			}
			if got := length(t, rect, "height"); math.Abs(got-scale*n) > 0.3 {
				t.Errorf("%s, period %d: %.0f demands are %.1f high, want %.1f", id, period, n, got, scale*n)
			}
		}
	}
	bands := elements(byID(doc, "chart-bands"), "svg")[0]
	lows := []float64{250, 1250, 500, 0, 250, 250} // newest first: 317, 1317, 641, 118, 317, 317
	for i, rect := range elements(bands, "rect") {
		x, w := length(t, rect, "x"), length(t, rect, "width")
		if got := (x - 70) / w * 250; math.Abs(got-lows[i]) > 5 {
			t.Errorf("band %d begins at %.0f, want %.0f", i, got, lows[i])
		}
		if !classed(rect, "range") {
			t.Errorf("band %d is drawn like a number", i)
		}
	}
	if n := len(elements(bands, "rect")); n != len(lows) {
		t.Errorf("%d bands are drawn, want %d", n, len(lows))
	}
}

// TestSmallBars wants a number that is too small to be shown to be drawn as the
// range from zero to the one at which it would be.
func TestSmallBars(t *testing.T) {
	doc := parse(t, site(t, plans(t)["unknown"].view(t))["reports/2026-H1/index.html"])
	drawings := elements(byID(doc, "chart-kinds"), "svg")
	exactly := elements(drawings[1], "rect") // orders/police
	scale := length(t, exactly[0], "height") / float64(counted(0, "orders/police", "demand"))
	for _, rect := range elements(drawings[0], "rect") {
		high, base := length(t, rect, "height"), length(t, rect, "y")+length(t, rect, "height")
		if !classed(rect, "range") || math.Abs(high-9*scale) > 0.3 || math.Abs(base-88) > 0.11 {
			t.Errorf("a number below 10 is drawn %.1f high from %.1f up as %v; one is %.2f high", high, base, rect.Attr, scale)
		}
	}
	if len(elements(drawings[0], "rect")) != 2 {
		t.Error("two periods have no two bars")
	}
}

var ordinarySheetsInOrder = []string{"eu/epoc-subscriber", "eu/epoc-identity", "eu/epoc-traffic", "eu/epoc-content", "eu/epoc-pr", "us/subpoena", "us/court-order-2703d", "us/search-warrant", "us/emergency", "us/preservation"}

// TestInside wants each drawing to stay within its frame.
func TestInside(t *testing.T) {
	each(t, "index.html", func(t *testing.T, files map[string][]byte, name string) {
		for _, svg := range elements(parse(t, files[name]), "svg") {
			box, ok := attr(svg, "viewbox")
			if !ok {
				box, ok = attr(svg, "viewBox")
			}
			if !ok || !classed(svg, "drawing") {
				continue
			}
			var x, y, w, h float64
			if _, err := fmt.Sscan(box, &x, &y, &w, &h); err != nil {
				t.Fatal(err)
			}
			for _, rect := range elements(svg, "rect") {
				if length(t, rect, "x") < 0 || length(t, rect, "y") < 0 || length(t, rect, "x")+length(t, rect, "width") > w+0.2 || length(t, rect, "y")+length(t, rect, "height") > h+0.2 || length(t, rect, "height") < 0 {
					t.Errorf("a bar of %q leaves the frame %s: %v", textOf(svg), box, rect.Attr)
				}
			}
			for _, text := range elements(svg, "text") {
				left := length(t, text, "x")
				wide := 7.6 * float64(len([]rune(textOf(text))))
				switch anchor, _ := attr(text, "text-anchor"); anchor {
				case "middle":
					left -= wide / 2
				case "end":
					left -= wide
				}
				if left < -6 || left+wide > w+6 && !strings.Contains(name, "states") {
					t.Errorf("%q leaves the frame %s: %.0f to %.0f", textOf(text), box, left, left+wide)
				}
			}
		}
	})
}
