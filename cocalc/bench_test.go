package cocalc

import (
	"fmt"
	"strings"
	"testing"
)

func BenchmarkPrice(b *testing.B) {
	s := spec()
	for b.Loop() {
		if _, err := Price(s, testNow); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPriceDescription(b *testing.B) {
	description := spec(fixedTerm(testNow.AddDate(0, 1, 0), testNow.AddDate(0, 7, 3))).CartDescription(testNow)
	for b.Loop() {
		if _, err := PriceDescription(description, testNow); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDecodeLicenses decodes 2,000 licenses as they were recorded, some 2 MB.
func BenchmarkDecodeLicenses(b *testing.B) {
	_, a := recordedReply(b, "three licenses")
	first, _, _ := strings.Cut(a.body, `},{"id":"14d63bc0`)
	first = strings.TrimPrefix(first, "[") + "}"
	var list []string
	for n := range 2000 {
		list = append(list, strings.Replace(first, "db918436-5a10-4f86-971a-c584cf5baaab",
			fmt.Sprintf("db918436-5a10-4f86-971a-%012d", n), 1))
	}
	body := []byte("[" + strings.Join(list, ",") + "]")
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		licenses, err := decodeLicenses(body)
		if err != nil || len(licenses) != 2000 {
			b.Fatal(len(licenses), err)
		}
	}
}
