// Package tables turns totals that providers published into tables that a replay
// reads. It leaves nothing out and mends nothing: what a file says twice, or
// with a space behind a name, stands so in the table.
package tables

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"
)

// Google reads the file of user data requests by half-year and country. Its
// lines end with a carriage return alone; countries go by their code, as one
// name is not text.
func Google(file []byte) (string, error) {
	records, err := read(bytes.ReplaceAll(file, []byte("\r"), []byte("\n")), 7)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, r := range records {
		end, err := time.Parse("1/2/06", r[0]) // 6/30/13: no month has that many days
		if err != nil {
			return "", fmt.Errorf("read Google's table: %w", err)
		}
		sheet := strings.ToLower(r[2]) + "/user-data"
		if r[3] != "" {
			sheet = strings.ToLower(r[2]) + "/" + googleProcess(r[3])
		}
		for i, field := range []string{"demand", "percent", "account"} {
			fmt.Fprintf(&b, "%d-H%d,%s,%s,%s\n", end.Year(), (int(end.Month())+5)/6, sheet, field, r[4+i])
		}
	}
	return b.String(), nil
}

func googleProcess(name string) string {
	if name == "Emergency Disclosures" {
		return "emergency" // as package law names it
	}
	return slug(name)
}

// slug is a name as sheets are named. A space at its end stays.
func slug(name string) string {
	body := strings.TrimRight(name, " ")
	return strings.ReplaceAll(strings.ToLower(body), " ", "-") + name[len(body):]
}

const githubFiles = "requests_to_disclose_user_information"

// github are the types of requests that package law knows.
var github = map[string]string{
	"criminal or government agency subpoena": "us/subpoena",
	"criminal court order":                   "us/court-order-2703d",
	"criminal search warrant":                "us/search-warrant",
	"exigent circumstances":                  "us/emergency",
}

// GitHub reads the files of requests to disclose user information: those by
// years, or by half-years, and in both cases national security process, which is
// by half-years always. Keep says which of the files' names are taken; nil takes
// all.
func GitHub(data fs.FS, halves bool, keep func(file string) bool) (string, error) {
	dir, suffix := githubFiles, ".csv"
	if halves {
		dir, suffix = githubFiles+"/by_calendar_year_half", "_by_calendar_year_half.csv"
	}
	var b strings.Builder
	for _, f := range []struct {
		name    string
		columns int
		row     func(period string, r []string) string
	}{
		{"requests_received_and_disclosed", 3, githubRequests},
		{"requests_accounts_affected", 1, func(p string, r []string) string { return p + ",github/all,account," + r[0] + "\n" }},
		{"cross_border_data_requests", 3, func(p string, r []string) string {
			return p + ",github/cross-border-from/" + strings.ToLower(r[1]) + ",demand," + r[2] + "\n"
		}},
	} {
		if keep != nil && !keep(f.name) {
			continue
		}
		n := 1
		if halves {
			n = 2
		}
		records, err := readFile(data, path.Join(dir, f.name+suffix), n+f.columns)
		if err != nil {
			return "", err
		}
		for _, r := range records {
			period := r[0]
			if halves {
				period += "-H" + r[1]
			}
			b.WriteString(f.row(period, r[n:]))
		}
	}
	if keep == nil || keep("national_security_letters_and_orders") {
		if err := githubSecurity(&b, data); err != nil {
			return "", err
		}
	}
	return b.String(), nil
}

// githubRequests are what was received and disclosed. Whether content was among
// what was disclosed, the file does not say.
func githubRequests(period string, r []string) string {
	sheet, ok := github[r[0]]
	if !ok {
		sheet = "github/" + slug(r[0])
	}
	return fmt.Sprintf("%s,%s,demand,%s\n%s,%s,noncontent,%s\n", period, sheet, r[1], period, sheet, r[2])
}

func githubSecurity(b *strings.Builder, data fs.FS) error {
	records, err := readFile(data, githubFiles+"/national_security_letters_and_orders.csv", 4)
	if err != nil {
		return err
	}
	for _, r := range records {
		half := map[string]string{"Jan-Jun": "-H1", "Jul-Dec": "-H2"}[r[1]]
		field := map[string]string{"National security letters and orders received": "demand", "Affected accounts": "account"}[r[2]]
		if half == "" || field == "" {
			return fmt.Errorf("read GitHub's table: line %q", r)
		}
		fmt.Fprintf(b, "%s%s,us/national-security,%s,%s\n", r[0], half, field, r[3])
	}
	return nil
}

func readFile(data fs.FS, name string, columns int) ([][]string, error) {
	b, err := fs.ReadFile(data, name)
	if err != nil {
		return nil, err
	}
	return read(b, columns)
}

// read returns the records behind the first, which names the columns.
func read(b []byte, columns int) ([][]string, error) {
	r := csv.NewReader(bytes.NewReader(b))
	r.FieldsPerRecord = columns
	records, err := r.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("read published table: %w", err)
	}
	return records[1:], nil
}
