package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/vitrine-project/vitrine/law"
)

type corrected struct{ Head, Text, Old string }

type comment struct {
	Lang       string
	Paragraphs []string
}

// petition is what was asked for, and how far it came.
type petition struct {
	Title, State string
	Steps        []string
}

func (l *language) comment(w Words) comment {
	for _, code := range []string{l.code, "en", "fr", "de"} {
		text := strings.TrimSpace(w.Comment[code])
		if text == "" {
			continue
		}
		c := comment{Lang: code}
		for _, paragraph := range strings.Split(text, "\n\n") {
			if paragraph = strings.TrimSpace(paragraph); paragraph != "" {
				c.Paragraphs = append(c.Paragraphs, paragraph)
			}
		}
		return c
	}
	return comment{}
}

func (l *language) petitions(all []law.Petition) []petition {
	var list []petition
	for _, p := range all {
		e := petition{Title: l.say("petition", p.Court, p.Docket), State: l.say("petition.pending")}
		if p.Kind == law.Agreement {
			e.Title = l.say("petition.agreement", p.Office)
		}
		switch p.Now() {
		case law.Granted:
			e.State = l.say("petition.in-force")
		case law.Denied, law.Withdrawn:
			e.State = l.say("petition.over")
		}
		for _, step := range p.Steps {
			e.Steps = append(e.Steps, l.date(step.Day)+": "+l.say("petition."+string(step.Step)))
		}
		list = append(list, e)
	}
	return list
}

func (l *language) corrections(p Published) []corrected {
	var list []corrected
	for _, c := range p.Words.Corrections {
		day, err := time.Parse(time.DateOnly, c.Day)
		if err != nil {
			continue // Words.check refused it before
		}
		list = append(list, corrected{l.say("corrections.entry", l.number(uint64(c.Version)), l.date(day)), c.Text, fmt.Sprintf("report-%d.json", c.Version-1)})
	}
	return list
}
