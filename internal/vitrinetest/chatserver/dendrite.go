// Package chatserver starts real chat servers for tests: on loopback, in a
// directory of the test's own, ended with it. It imports nothing of what is
// tested.
package chatserver

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/vitrine-project/vitrine/internal/vitrinetest/need"
)

// startWithin is how long a server may take to start.
const startWithin = 60 * time.Second

// Dendrite is a running Matrix homeserver.
type Dendrite struct {
	URL        string
	Name       string // of the server, behind the colon of every user's id
	Token      string // file with an application service's token, good for every user
	next       int
	accessible map[string]string // users' tokens
}

const config = `version: 2
global:
  server_name: test.example
  private_key: %[1]s/key.pem
  cache: {max_size_estimated: 16mb, max_age: 1h}
  disable_federation: true
  jetstream: {storage_path: %[1]s/jetstream}
app_service_api:
  config_files: [%[1]s/service.yaml]
client_api:
  registration_disabled: false
  rate_limiting: {enabled: false}
federation_api:
  database: {connection_string: "file:%[1]s/federation.db"}
key_server:
  database: {connection_string: "file:%[1]s/keys.db"}
media_api:
  base_path: %[1]s/media
  database: {connection_string: "file:%[1]s/media.db"}
mscs:
  database: {connection_string: "file:%[1]s/mscs.db"}
relay_api:
  database: {connection_string: "file:%[1]s/relay.db"}
room_server:
  database: {connection_string: "file:%[1]s/rooms.db"}
sync_api:
  search: {enabled: false}
  database: {connection_string: "file:%[1]s/sync.db"}
user_api:
  bcrypt_cost: 4
  account_database: {connection_string: "file:%[1]s/accounts.db"}
logging:
- {type: std, level: error}
`

const service = `id: reader
url: ""
as_token: %s
hs_token: %s
sender_localpart: reader
rate_limited: false
namespaces:
  users: [{exclusive: false, regex: "@.*"}]
  rooms: []
  aliases: []
`

// StartDendrite starts a homeserver with no users. The programs dendrite and
// generate-keys are built from the module in tools/dendrite.
func StartDendrite(t testing.TB) *Dendrite {
	t.Helper()
	program, keys := need.Tool(t, "dendrite"), need.Tool(t, "generate-keys")
	dir := t.TempDir()
	token := rand.Text()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	if out, err := exec.Command(keys, "-private-key", filepath.Join(dir, "key.pem")).CombinedOutput(); err != nil {
		t.Fatalf("generate-keys: %v\n%s", err, out)
	}
	write("service.yaml", fmt.Sprintf(service, token, rand.Text()))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	c := exec.Command(program, "-config", write("dendrite.yaml", fmt.Sprintf(config, dir)), "-http-bind-address", address, "-really-enable-open-registration")
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	c.Dir, c.Stdout, c.Stderr = dir, log, log
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		c.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		syscall.Kill(c.Process.Pid, syscall.SIGKILL)
		<-ended
		log.Close()
	})
	d := &Dendrite{URL: "http://" + address, Name: "test.example", Token: write("token", token+"\n"), accessible: map[string]string{}}
	for begin := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		if r, err := http.Get(d.URL + "/_matrix/client/versions"); err == nil {
			r.Body.Close()
			return d
		}
		select {
		case <-ended:
			begin = time.Time{}
		default:
		}
		if time.Since(begin) > startWithin {
			said, _ := os.ReadFile(log.Name())
			t.Fatalf("dendrite did not start: %s", said)
		}
	}
}

// Call sends a request as a user and returns the answer, which must be good.
func (d *Dendrite) Call(t testing.TB, user, method, path string, body any) map[string]any {
	t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return d.raw(t, user, method, path, "application/json", b)
}

func (d *Dendrite) raw(t testing.TB, user, method, path, kind string, body []byte) map[string]any {
	t.Helper()
	r, err := http.NewRequest(method, d.URL+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", kind)
	if user != "" {
		r.Header.Set("Authorization", "Bearer "+d.accessible[user])
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %s %s %v", method, path, res.Status, text, err)
	}
	answer := map[string]any{}
	if err := json.Unmarshal(text, &answer); err != nil {
		t.Fatal(err)
	}
	return answer
}

const client = "/_matrix/client/v3"

// User registers a user and returns the id.
func (d *Dendrite) User(t testing.TB, name string) string {
	t.Helper()
	a := d.Call(t, "", "POST", client+"/register", map[string]any{"username": name, "password": "correct horse " + name, "auth": map[string]string{"type": "m.login.dummy"}})
	d.accessible[name] = a["access_token"].(string)
	return a["user_id"].(string)
}

// Room makes a room and returns its id.
func (d *Dendrite) Room(t testing.TB, user string, settings map[string]any) string {
	t.Helper()
	return d.Call(t, user, "POST", client+"/createRoom", settings)["room_id"].(string)
}

// Do joins, leaves, invites, …: a verb on a room.
func (d *Dendrite) Do(t testing.TB, user, verb, room string, body map[string]any) {
	t.Helper()
	if body == nil {
		body = map[string]any{}
	}
	d.Call(t, user, "POST", client+"/rooms/"+url.PathEscape(room)+"/"+verb, body)
}

// Send sends an event and returns its id.
func (d *Dendrite) Send(t testing.TB, user, room, kind string, content map[string]any) string {
	t.Helper()
	d.next++
	return d.Call(t, user, "PUT", client+"/rooms/"+url.PathEscape(room)+"/send/"+kind+"/"+strconv.Itoa(d.next), content)["event_id"].(string)
}

// SendAt sends an event as of a time, as bridges from other networks do.
func (d *Dendrite) SendAt(t testing.TB, user, room, kind string, at time.Time, content map[string]any) string {
	t.Helper()
	d.next++
	return d.Call(t, user, "PUT", client+"/rooms/"+url.PathEscape(room)+"/send/"+kind+"/"+strconv.Itoa(d.next)+"?ts="+strconv.FormatInt(at.UnixMilli(), 10), content)["event_id"].(string)
}

// Redact takes an event's content away.
func (d *Dendrite) Redact(t testing.TB, user, room, event string) string {
	t.Helper()
	d.next++
	return d.Call(t, user, "PUT", client+"/rooms/"+url.PathEscape(room)+"/redact/"+url.PathEscape(event)+"/"+strconv.Itoa(d.next), map[string]any{})["event_id"].(string)
}

// Upload stores a file and returns its mxc address.
func (d *Dendrite) Upload(t testing.TB, user, body string) string {
	t.Helper()
	return d.raw(t, user, "POST", "/_matrix/media/v3/upload?filename=x", "application/octet-stream", []byte(body))["content_uri"].(string)
}
