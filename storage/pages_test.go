package storage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"licensebot/purchase"
)

// bundledFile returns the bytes of a ledger whose bundles have pages of their own.
func bundledFile(t *testing.T) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ledger.db")
	l := openTiny(t, path)
	l.sizes.bundle = 30_000
	err := l.Update(t.Context(), func(w purchase.Writer) error {
		random, reason := rand.New(rand.NewPCG(1, 1)), make([]byte, 600)
		for range 1500 {
			for i := range reason {
				reason[i] = 'a' + byte(random.IntN(26))
			}
			e := purchase.Event{Kind: "refused", Note: string(reason), By: "U1"}
			if err := w.AppendEvent(e); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		_, err = l.Compact(t.Context())
	}
	if err = errors.Join(err, l.Close()); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// skim walks the pages as a start does, and returns what they are used for.
func skim(data []byte) (p *pages, err error) {
	if p, err = walkTree(bytes.NewReader(data), int64(len(data)), largeBuckets, func() {}); err == nil {
		err = p.account()
	}
	return p, err
}

// The leaves that a start leaves out can be damaged without a word; a verification finds it.
func TestWalk_LeftOut_DamageIsFoundLater(t *testing.T) {
	data := bundledFile(t)
	p, err := skim(data)
	if err != nil {
		t.Fatal(err)
	}
	left, opened := 0, 0
	for id, use := range p.use {
		if use != isLeftOut {
			continue
		}
		left++
		if left%5 > 0 {
			continue
		}
		for _, at := range []int{0, 8, 10, 16 + 4, 16 + 8} { // number, flags, count, an element's place and length
			damaged := slices.Clone(data)
			damaged[id*int(p.size)+at] ^= 0x40
			path := filepath.Join(t.TempDir(), "ledger.db")
			if err := os.WriteFile(path, damaged, 0o600); err != nil {
				t.Fatal(err)
			}
			l, err := Open(path)
			if errors.Is(err, ErrDamaged) { // a free page follows: that one is read
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			opened++
			if _, err := l.Verify(t.Context(), nil); !errors.Is(err, ErrDamaged) {
				t.Errorf("page %d, byte %d: got %v from its verification, want ErrDamaged", id, at, err)
			}
			err = l.View(t.Context(), func(r purchase.Reader) error {
				for _, err := range purchase.AllEvents(r) {
					if err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil && !errors.Is(err, ErrDamaged) {
				t.Errorf("page %d, byte %d: got %v from reading it, want ErrDamaged", id, at, err)
			}
			l.Close()
		}
	}
	if left < 15 || opened < 10 {
		t.Errorf("got %d pages left out, and %d files opened, want at least 15 and 10", left, opened)
	}
}

// A start finds a page of a bundle in the list of free pages, also if it doesn't read the bundle's pages: the next
// change would overwrite it.
func TestWalk_LeftOut_FreeByMistake(t *testing.T) {
	data := bundledFile(t)
	p, err := skim(data)
	if err != nil {
		t.Fatal(err)
	}
	newest := data[:p.size]
	if other := data[p.size : 2*p.size]; u64(other, header+48) > u64(newest, header+48) {
		newest = other
	}
	list := u64(newest, header+32) * p.size
	tried := 0
	for id, use := range p.use {
		if use != isLeftOut {
			continue
		}
		length := int(u32(data, uint64(id)*p.size+12)) + 1
		for _, free := range []int{id, id + 1, id + length/2, id + length - 1} {
			if length < 3 {
				continue
			}
			damaged := slices.Clone(data)
			count := u16(damaged, list+10)
			binary.NativeEndian.PutUint16(damaged[list+10:], count+1)
			binary.NativeEndian.PutUint64(damaged[list+header+8*uint64(count):], uint64(free))
			tried++
			if _, err := skim(damaged); !errors.Is(err, ErrDamaged) {
				t.Errorf("page %d of those from %d to %d is free: got %v, want ErrDamaged", free, id, id+length-1, err)
			}
		}
	}
	if tried < 40 {
		t.Errorf("got %d pages tried, want at least 40", tried)
	}
}
