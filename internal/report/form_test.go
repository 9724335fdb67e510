package report

import (
	"bytes"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

func parse(t testing.TB, b []byte) *html.Node {
	t.Helper()
	n, err := html.Parse(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func attr(n *html.Node, name string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

func textOf(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func elements(n *html.Node, tag string) []*html.Node {
	var all []*html.Node
	for d := range n.Descendants() {
		if d.Type == html.ElementNode && (tag == "" || d.Data == tag) {
			all = append(all, d)
		}
	}
	return all
}

func classed(n *html.Node, class string) bool {
	c, _ := attr(n, "class")
	return slices.Contains(strings.Fields(c), class)
}

// TestPages checks the form of every page.
func TestPages(t *testing.T) {
	each(t, ".html", func(t *testing.T, files map[string][]byte, name string) {
		doc := parse(t, files[name])
		for _, tag := range []string{"h1", "main", "title"} {
			count := 0
			for _, n := range elements(doc, tag) {
				if tag != "title" || n.Parent.Data == "head" {
					count++
				}
			}
			if count != 1 {
				t.Errorf("%d elements %s", count, tag)
			}
		}
		checkHeadings(t, doc)
		checkNames(t, doc)
		checkPictures(t, doc)
		checkTables(t, doc)
		checkSafety(t, doc)
		checkLinks(t, doc, files, name)
	})
}

// checkHeadings wants no level left out.
func checkHeadings(t *testing.T, doc *html.Node) {
	last := 0
	for _, n := range elements(doc, "") {
		if len(n.Data) == 2 && n.Data[0] == 'h' && n.Data[1] >= '1' && n.Data[1] <= '6' {
			level := int(n.Data[1] - '0')
			if level > last+1 {
				t.Errorf("heading %q of level %d follows one of level %d", textOf(n), level, last)
			}
			if textOf(n) == "" {
				t.Errorf("a heading of level %d is empty", level)
			}
			last = level
		}
	}
}

// checkNames wants ids once each, and references that lead to one.
func checkNames(t *testing.T, doc *html.Node) {
	ids := map[string]int{}
	for _, n := range elements(doc, "") {
		if id, ok := attr(n, "id"); ok {
			if ids[id]++; ids[id] > 1 || id == "" {
				t.Errorf("id %q is there twice or empty", id)
			}
		}
	}
	for _, n := range elements(doc, "") {
		for _, name := range []string{"aria-labelledby", "aria-describedby", "for"} {
			if list, ok := attr(n, name); ok {
				for _, id := range strings.Fields(list) {
					if ids[id] == 0 {
						t.Errorf("%s of %s names %q, which is not there", name, n.Data, id)
					}
				}
			}
		}
		if n.Data == "input" || n.Data == "button" {
			if id, _ := attr(n, "id"); n.Data == "input" && !slices.ContainsFunc(elements(doc, "label"), func(l *html.Node) bool { f, _ := attr(l, "for"); return f == id }) {
				t.Errorf("field %q has no label", id)
			}
		}
	}
}

// checkPictures wants words for every drawing, and its numbers in a table.
func checkPictures(t *testing.T, doc *html.Node) {
	for _, n := range elements(doc, "svg") {
		if hidden, _ := attr(n, "aria-hidden"); hidden == "true" {
			continue
		}
		role, _ := attr(n, "role")
		title, desc := elements(n, "title"), elements(n, "desc")
		if role != "img" || len(title) != 1 || len(desc) != 1 || textOf(title[0]) == "" || textOf(desc[0]) == "" {
			t.Errorf("a drawing has role %q, %d titles, %d descriptions", role, len(title), len(desc))
		}
	}
	for _, n := range elements(doc, "figure") {
		if len(elements(n, "details")) != 1 || len(elements(n, "table")) != 1 || len(elements(n, "figcaption")) != 1 || len(elements(n, "svg")) == 0 {
			t.Errorf("a figure lacks its caption, drawing or table")
		}
	}
}

// checkTables wants heads, and as many cells in each row as columns.
func checkTables(t *testing.T, doc *html.Node) {
	width := func(row *html.Node) int {
		w := 0
		for c := range row.ChildNodes() {
			if c.Type == html.ElementNode {
				span := 1
				if s, ok := attr(c, "colspan"); ok {
					fmt.Sscan(s, &span)
				}
				w += span
			}
		}
		return w
	}
	for _, table := range elements(doc, "table") {
		rows := elements(table, "tr")
		if len(rows) < 2 {
			t.Errorf("a table has %d rows", len(rows))
			continue
		}
		for i, row := range rows {
			if width(row) != width(rows[0]) {
				t.Errorf("row %q has %d cells, not %d", textOf(row), width(row), width(rows[0]))
			}
			heads := elements(row, "th")
			if i == 0 && len(heads) != width(row) || i > 0 && len(heads) != 1 {
				t.Errorf("row %q has %d heads", textOf(row), len(heads))
			}
			for _, h := range heads {
				if scope, _ := attr(h, "scope"); scope != "col" && scope != "row" && scope != "rowgroup" {
					t.Errorf("head %q has scope %q", textOf(h), scope)
				}
			}
		}
	}
}

const policy = "default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; base-uri 'none'; form-action 'none'"

// checkSafety wants the policy, and nothing that it would not let run.
func checkSafety(t *testing.T, doc *html.Node) {
	found := false
	for _, n := range elements(doc, "") {
		for _, a := range n.Attr {
			if a.Key == "style" || strings.HasPrefix(a.Key, "on") {
				t.Errorf("%s has attribute %s", n.Data, a.Key)
			}
			value := strings.ToLower(strings.TrimSpace(a.Val))
			leaves := strings.HasPrefix(value, "//") || regexp.MustCompile(`^[a-z][a-z0-9+.-]*:`).MatchString(value) && !strings.HasPrefix(value, "mailto:")
			if slices.Contains([]string{"href", "src", "action", "formaction", "srcset", "data", "poster", "xlink:href"}, a.Key) && leaves {
				t.Errorf("%s leads out: %s", n.Data, a.Val)
			}
		}
		switch equiv, _ := attr(n, "http-equiv"); {
		case n.Data == "style" || n.Data == "iframe" || n.Data == "object" || n.Data == "base" || n.Data == "form" || n.Data == "img":
			t.Errorf("element %s", n.Data)
		case n.Data == "script":
			if src, _ := attr(n, "src"); src != "../../verify.js" || textOf(n) != "" {
				t.Errorf("script %q with %d bytes", src, len(textOf(n)))
			}
		case equiv == "Content-Security-Policy":
			content, _ := attr(n, "content")
			found = content == policy
		}
	}
	if !found {
		t.Error("no content security policy")
	}
}

// elsewhere are files that other parts of a site write.
var elsewhere = regexp.MustCompile(`^(verify\.(js|wasm\.gz)|reports/[^/]+/report(-\d+)?\.(json|note)|ledger/(public|restricted)/(checkpoint|documents/[0-9a-f]{64}))$`)

// checkLinks wants every link to lead to a file of the site, or to one that
// another part writes, and every fragment to an element.
func checkLinks(t *testing.T, doc *html.Node, files map[string][]byte, name string) {
	for _, n := range elements(doc, "") {
		link, ok := attr(n, "href")
		if !ok {
			link, ok = attr(n, "src")
		}
		if !ok || strings.HasPrefix(link, "mailto:") {
			continue
		}
		file, fragment, _ := strings.Cut(link, "#")
		target := name
		if file != "" {
			target = path.Join(path.Dir(name), file)
		}
		b, there := files[target]
		if !there && !elsewhere.MatchString(target) {
			t.Errorf("%s leads to %s, which is not there", link, target)
		}
		if fragment != "" && there && !bytes.Contains(b, []byte(`id="`+fragment+`"`)) {
			t.Errorf("%s leads to no element", link)
		}
	}
}
