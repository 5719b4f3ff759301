package main

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"os"
	"time"
)

// sample is what a process uses at one moment of a load. Figures that can't be measured are 0.
type sample struct {
	at             time.Duration // since the beginning of the load
	orders, bought int           // so far
	anonymous      int64         // memory, in bytes
	threads, files int
	goroutines     int64 // the most at a time so far
	size           int64 // of the ledger's file, in bytes
}

// probe looks at a running bot from outside, through Linux's /proc: the program has no port for that.
type probe struct {
	pid    int
	ledger string
	// allglen is the address of the runtime's variable of that name: how many goroutines there are, with those that have
	// ended and will be used again. So it is the most that there were at a time. 0: unknown.
	allglen int64
}

// newProbe returns a probe of a process that runs program, which must have its symbols.
func newProbe(pid int, program, ledger string) *probe {
	p := &probe{pid: pid, ledger: ledger}
	file, err := elf.Open(program)
	if err != nil {
		return p
	}
	defer file.Close()
	symbols, err := file.Symbols()
	if err != nil {
		return p
	}
	for _, s := range symbols {
		if s.Name == "runtime.allglen" && s.Size == 8 {
			p.allglen = int64(s.Value)
		}
	}
	return p
}

// look reads what the process uses now.
func (p *probe) look() sample {
	s := sample{
		anonymous: p.status("RssAnon:") * 1024, threads: int(p.status("Threads:")), goroutines: p.goroutines(),
		size: fileSize(p.ledger),
	}
	if files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.pid)); err == nil {
		s.files = len(files)
	}
	return s
}

// status returns a number of the process's status; 0 if there is none.
func (p *probe) status(name string) (n int64) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.pid))
	if err != nil {
		return 0
	}
	_, after, _ := bytes.Cut(text, []byte(name))
	if _, err := fmt.Sscan(string(after), &n); err != nil {
		return 0 // a process that has ended has no such number
	}
	return n
}

// goroutines reads the runtime's own count from the memory of the process.
func (p *probe) goroutines() int64 {
	if p.allglen == 0 {
		return 0
	}
	memory, err := os.Open(fmt.Sprintf("/proc/%d/mem", p.pid))
	if err != nil {
		return 0
	}
	defer memory.Close()
	var raw [8]byte
	if _, err := memory.ReadAt(raw[:], p.allglen); err != nil {
		return 0
	}
	return int64(binary.NativeEndian.Uint64(raw[:]))
}
