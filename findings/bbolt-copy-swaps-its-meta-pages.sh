#!/usr/bin/env bash
# A copy that bbolt makes of a database (Tx.WriteTo, Tx.CopyFile) never has the same bytes as the file, even if nothing
# was written meanwhile: its first meta page has the newest transaction and the second that number minus one, both with
# the same state. bbolt itself writes transaction n to meta page n mod 2, and the other page leads to the state before.
# So cmp, rsync --checksum and SHA-256 call a fresh backup different, and a program that looks for the newest state on
# page n mod 2 finds the other page for every second n. Seen with go.etcd.io/bbolt v1.5.0 (tx.go, WriteTo).
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >go.mod <<'MOD'
module finding

go 1.26

require go.etcd.io/bbolt v1.5.0
MOD
cat >main.go <<'GO'
package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"

	"go.etcd.io/bbolt"
)

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// meta prints the transaction number of each meta page, relative to the last transaction.
func meta(what, path string, last, size int) []byte {
	data, err := os.ReadFile(path)
	must(err)
	for n := range 2 {
		page := data[n*size:]
		tx := int(binary.NativeEndian.Uint64(page[16+48:]))
		fmt.Printf("%s: meta page %d has transaction %d%+d\n", what, n, last, tx-last)
	}
	return data
}

func main() {
	db, err := bbolt.Open("orders.db", 0o600, nil)
	must(err)
	for n := range 4 {
		must(db.Update(func(tx *bbolt.Tx) error {
			b, err := tx.CreateBucketIfNotExists([]byte("orders"))
			must(err)
			return b.Put([]byte{byte(n)}, []byte("order"))
		}))
	}
	size, last := db.Info().PageSize, 0
	must(db.View(func(tx *bbolt.Tx) error {
		last = tx.ID()
		return tx.CopyFile("copy.db", 0o600)
	}))
	must(db.Close())
	file, copied := meta("file", "orders.db", last, size), meta("copy", "copy.db", last, size)
	n := min(len(file), len(copied))
	fmt.Printf("same bytes: %v; same after the meta pages: %v\n",
		bytes.Equal(file[:n], copied[:n]), bytes.Equal(file[2*size:n], copied[2*size:n]))
	root := func(page []byte) uint64 { return binary.NativeEndian.Uint64(page[16+16:]) }
	fmt.Printf("both meta pages lead to the same state: file %v, copy %v\n",
		root(file) == root(file[size:]), root(copied) == root(copied[size:]))
}
GO
export GOFLAGS=-mod=mod
go run . | tee said
for line in 'file: meta page 0 has transaction 5-1' 'file: meta page 1 has transaction 5+0' \
	'copy: meta page 0 has transaction 5+0' 'copy: meta page 1 has transaction 5-1' \
	'same bytes: false; same after the meta pages: true' \
	'both meta pages lead to the same state: file false, copy true'; do
	grep -qFx "$line" said
done
