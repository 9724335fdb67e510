package main

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// demoShelves are the demo's stores beside mail: what users keep as files, and
// what the provider keeps of them.
const demoShelves = `
[[source]]
name = "chat"
kind = "skype"
path = "chat/{account}.tar"
` + accepted + `
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
	if err := writeChat(filepath.Join(provider, "chat"), edges); err != nil {
		return err
	}
	for name, text := range map[string]string{"customers.csv": customers.String(), "sessions.csv": sessions.String()} {
		if err := writeFile(filepath.Join(provider, "records", name), text, end); err != nil {
			return err
		}
	}
	return nil
}

// writeChat writes an export of alice's one conversation, with a message at
// each time.
func writeChat(dir string, times []time.Time) error {
	type message struct {
		ID           string `json:"id"`
		Arrival      string `json:"originalarrivaltime"`
		Type         string `json:"messagetype"`
		Version      string `json:"version"`
		Content      string `json:"content"`
		Conversation string `json:"conversationid"`
		From         string `json:"from"`
	}
	var messages []message
	for n, at := range slices.Backward(times) { // newest first
		id := strconv.FormatInt(at.UnixMilli(), 10)
		messages = append(messages, message{id, at.UTC().Format("2006-01-02T15:04:05.000Z"), "RichText", id, demoSubjects[n], "8:bob", "8:" + demoUsers[n%2]})
	}
	text, err := json.Marshal(map[string]any{"userId": "8:alice", "exportDate": times[len(times)-1].Format("2006-01-02T15:04"), "conversations": []any{
		map[string]any{"id": "8:bob", "displayName": "bob", "version": 1, "properties": map[string]any{}, "threadProperties": nil, "MessageList": messages},
	}})
	if err != nil {
		return fmt.Errorf("write chat: %w", err)
	}
	var b bytes.Buffer
	t := tar.NewWriter(&b)
	err = t.WriteHeader(&tar.Header{Name: "messages.json", Mode: 0o600, Size: int64(len(text)), ModTime: times[len(times)-1]})
	if err == nil {
		_, err = t.Write(text)
	}
	if err = errors.Join(err, t.Close()); err != nil {
		return fmt.Errorf("write chat: %w", err)
	}
	return writeFile(filepath.Join(dir, "alice.tar"), b.String(), times[len(times)-1])
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
