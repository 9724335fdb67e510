package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// demoShelves are the demo's stores beside mail: what users keep as files, and
// what the provider keeps of them.
const demoShelves = `
[[source]]
name = "drive"
kind = "tree"
path = "drive/{account}"
` + accepted + `
[[source]]
name = "customers"
kind = "csv"
` + accepted + `[[source.csv.file]]
name    = "customer"
path    = "records/customers.csv"
account = "login"
since   = "opened"
until   = "closed"
columns = { subscriber = ["login", "name", "city", "opened", "closed"] }
secret  = ["password_hash"]
[[source.csv.file]]
name    = "session"
path    = "records/sessions.csv"
account = "login"
time    = "began"
columns = { traffic = ["began", "seconds", "address"] }
`

// writeShelves writes files and records of the three users around month, with
// some on its first and last second and just outside.
func writeShelves(provider string, month time.Time) error {
	end := month.AddDate(0, 1, 0)
	edges := []time.Time{month.Add(-time.Second), month, month.AddDate(0, 0, 11), end.Add(-time.Second), end}
	var customers, sessions strings.Builder
	customers.WriteString("login,name,city,opened,closed,password_hash\n")
	sessions.WriteString("login,began,seconds,address\n")
	for i, user := range demoUsers {
		fmt.Fprintf(&customers, "%s,%s,%s,%s,,$2y$10$never-shown-%d\n", user, strings.ToUpper(user[:1])+user[1:]+" Glass", [...]string{"Lübeck", "Lyon", "Louisville"}[i], month.AddDate(-2, i, 0).Format(time.RFC3339), i)
		for n, at := range edges {
			fmt.Fprintf(&sessions, "%s,%s,%d,192.0.2.%d\n", user, at.Format(time.RFC3339), 60*(n+1), 10*i+n)
			name := [...]string{"before.txt", "first draft.txt", "plans/lake house.txt", "plans/budget.csv", "after.txt"}[n]
			if err := writeFile(filepath.Join(provider, "drive", user, name), fmt.Sprintf("%s, %s\n", user, name), at); err != nil {
				return err
			}
		}
	}
	for name, text := range map[string]string{"customers.csv": customers.String(), "sessions.csv": sessions.String()} {
		if err := writeFile(filepath.Join(provider, "records", name), text, end); err != nil {
			return err
		}
	}
	return nil
}

// writeFile writes a file that was last written at a time.
func writeFile(path, text string, at time.Time) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("make directory: %w", err)
	}
	if err := writeNew(path, text); err != nil {
		return err
	}
	return os.Chtimes(path, at, at)
}
