"""Says which of the words given each message of a directory says, one line a
message: its path and the words. Another decoder than the one under test."""
import email, email.header, email.policy, html.parser, os, re, sys, unicodedata

INLINE = set("a abbr acronym b bdi bdo big cite code del dfn em font i ins kbd mark nobr q s samp small span strike strong sub sup tt u var wbr".split())
# Scripts without blanks between words: a word ends where they begin.
UNSPACED = re.compile("[\u0e00-\u109f\u1100-\u11ff\u1780-\u17ff\u3005-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]")
SHOWN = set("alt title label placeholder value summary aria-label".split())


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.tight, self.loose, self.beside, self.off = [], [], [], 0

    def edge(self, tag):
        self.loose.append(" ")
        if tag not in INLINE:
            self.tight.append(" ")

    def handle_starttag(self, tag, attrs):
        self.edge(tag)
        self.beside += [v for k, v in attrs if k in SHOWN and v]
        self.off += tag in ("script", "style")

    def handle_endtag(self, tag):
        self.edge(tag)
        if tag in ("script", "style"):
            self.off = max(0, self.off - 1)

    def handle_data(self, data):
        if not self.off:
            self.tight.append(data)
            self.loose.append(data)


def texts(m):
    for part in m.walk():
        for v in part.get_all("subject", []):
            try:
                yield str(email.header.make_header(email.header.decode_header(v)))
            except (LookupError, UnicodeError, email.errors.HeaderParseError):
                yield v
        if name := part.get_filename():
            yield name
        if part.get_content_maintype() != "text":
            continue
        raw = part.get_payload(decode=True) or b""
        try:
            text = raw.decode(part.get_content_charset() or "utf-8", "replace")
        except LookupError:
            text = raw.decode("ascii", "replace")
        if part.get_content_subtype() == "html":
            page = Page()
            page.feed(text)
            page.close()
            yield "".join(page.tight)
            yield "".join(page.loose)
            yield from page.beside
        else:
            yield re.sub(r"(?m)^[> \t]+", " ", text)


words = [(w, re.compile(r"(?<!\w)" + re.escape(w).replace(r"\ ", r"\s+") + r"(?!\w)")) for w in sys.argv[2:]]
for at, _, files in os.walk(sys.argv[1]):
    for name in files:
        path = os.path.join(at, name)
        with open(path, "rb") as f:
            m = email.message_from_binary_file(f, policy=email.policy.compat32)
        said = set()
        for t in texts(m):
            t = UNSPACED.sub(" ", unicodedata.normalize("NFKC", t).casefold().replace("_", "-"))
            said |= {w for w, e in words if e.search(t)}
        print(path, *[w.replace(" ", "_") for w in sorted(said)], sep="\t")
