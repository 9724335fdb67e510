package main

import (
	"fmt"
	"path/filepath"
	"runtime"
)

// most is the memory that no size of mailbox may take more of.
const most = 128

func everyone(*contestant) bool { return true }

// mboxWork filters the mbox.
func (b *bench) mboxWork() (work, error) {
	one, two := b.ours("mbox", 1), b.ours("mbox", runtime.NumCPU())
	w := work{title: "mbox: scope filter, SHA-256 of every byte (peers do not hash)", reads: b.mbox, contestants: []*contestant{one, two, b.goMbox(), b.pythonMailbox(), b.doveadm(), b.grepmail()}}
	w.verdicts = func() []string {
		v := []string{goal("GB/s a core", one.rate()/1000, 1, true), goal("peak MB", float64(two.rss()>>20), most, false)}
		if peer := w.fastest(cpu, everyone); peer != nil {
			v = append(v, goal("times the fastest peer, "+peer.name+", by CPU", perByte(peer, cpu)/perByte(one, cpu), 8, true))
			if peer = w.fastest(wall, everyone); peer != nil {
				v = append(v, goal("times the fastest peer, "+peer.name+", by the clock", perByte(peer, wall)/perByte(two, wall), 8, true))
			}
		}
		return v
	}
	return w, nil
}

// maildirWork filters the Maildir.
func (b *bench) maildirWork() (work, error) {
	one, two, peer := b.ours("maildir", 1), b.ours("maildir", runtime.NumCPU()), b.mblaze(true)
	w := work{title: "Maildir: scope filter, digest of every header, copies", reads: b.maildir, contestants: []*contestant{one, two, peer, b.mblaze(false)}}
	w.verdicts = func() []string {
		v := []string{goal("peak MB", float64(two.rss()>>20), most, false)}
		if peer.missing == "" {
			v = append(v, goal("wall to mblaze's, which copies too", perByte(two, wall)/perByte(peer, wall), 1, false),
				goal("CPU to mblaze's, one core", perByte(one, cpu)/perByte(peer, cpu), 1, false))
		}
		return v
	}
	return w, nil
}

// wholeWork goes from the mbox to the sealed package.
func (b *bench) wholeWork() (work, error) {
	p, err := newWorld(b.vitrine, filepath.Join(b.work, "world"), "mbox", filepath.Join(b.mbox, "{account}.mbox"))
	if err != nil {
		return work{}, err
	}
	if err := p.settle(); err != nil {
		return work{}, err
	}
	own := b.answered(p, b.size)
	w := work{title: "whole job: mbox to sealed package", reads: b.mbox, contestants: []*contestant{own, b.pipeline("tar | age"), b.pipeline("zip, gpg"), b.pipeline("7z")}}
	w.verdicts = func() []string {
		v := []string{goal("peak MB", float64(own.rss()>>20), most, false)}
		if peer := w.fastest(cpu, everyone); peer != nil {
			v = append(v, goal("times the best pipeline by CPU, "+peer.name, perByte(peer, cpu)/perByte(own, cpu), 5, true))
			peer = w.fastest(wall, everyone)
			v = append(v, goal("times the best pipeline by the clock, "+peer.name, perByte(peer, wall)/perByte(own, wall), 5, true))
		}
		return v
	}
	return w, nil
}

// sealWork seals many small files.
func (b *bench) sealWork() (work, error) {
	own, micros := b.ownSeal(), b.micros()
	bag := b.sealed("tar | age")
	w := work{title: "sealing small files, equal digests", reads: b.small, contestants: append([]*contestant{own, bag, b.sealed("zip, gpg"), b.sealed("7z")}, micros...)}
	w.verdicts = func() []string {
		v := []string{goal("peak MB", float64(own.rss()>>20), most, false)}
		if bag.missing == "" {
			v = append(v, goal("CPU to that of sha256sum and tar | age", perByte(own, cpu)/perByte(bag, cpu), 0.8, false))
		}
		sum := 0.0
		for _, m := range micros {
			sum += m.best(cpu).Seconds()
		}
		twice := sum + micros[1].best(cpu).Seconds()
		return append(v, goal("CPU to the sum of the micro rates", own.best(cpu).Seconds()/sum, 1.25, false),
			fmt.Sprintf("the same with SHA-256 twice, as the sealed bytes have a digest too: %.2f", own.best(cpu).Seconds()/twice))
	}
	return w, nil
}

// memoryWork answers from very many messages.
func (b *bench) memoryWork(cache string, items int) (work, error) {
	dir, size, err := tiny(cache, items)
	if err != nil {
		return work{}, err
	}
	p, err := newWorld(b.vitrine, filepath.Join(b.work, "many"), "mbox", filepath.Join(dir, "{account}.mbox"))
	if err != nil {
		return work{}, err
	}
	if err := p.settle(); err != nil {
		return work{}, err
	}
	own := b.answered(p, size)
	own.found = nil
	w := work{title: fmt.Sprintf("memory: an mbox of %d messages", items), reads: dir, contestants: []*contestant{own}}
	w.verdicts = func() []string { return []string{goal("peak MB", float64(own.rss()>>20), most, false)} }
	return w, nil
}
