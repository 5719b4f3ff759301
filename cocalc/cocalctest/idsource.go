package cocalctest

import (
	"fmt"
	"math/rand/v2"
)

// idSource generates everything that must be unique. The same seed gives the same sequence.
type idSource struct {
	random                                *rand.Rand
	item, purchase, subscription, keyRows int64
}

func newIDSource(seed uint64) *idSource {
	return &idSource{random: rand.New(rand.NewPCG(seed, 0xc0ca1c))}
}

// next increments a sequence and returns its number.
func next(sequence *int64) int64 {
	*sequence++
	return *sequence
}

// uuid returns a random UUID (version 4).
func (s *idSource) uuid() string {
	hi, lo := s.random.Uint64(), s.random.Uint64()
	hi = hi&^0xf000 | 0x4000
	lo = lo&^(3<<62) | 1<<63
	return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", hi>>32, hi>>16&0xffff, hi&0xffff, lo>>48, lo&(1<<48-1))
}

const base62 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

// key returns the secret of a new API key: "sk-", 16 random characters, and the ID of its row in six digits of base 62.
func (s *idSource) key(row int64) string {
	secret := []byte("sk-")
	for range 16 {
		secret = append(secret, base62[s.random.IntN(len(base62))])
	}
	return string(secret) + keySuffix(row)
}

const base64URL = base62 + "-_"

// successorKey returns the secret of a new API key of the successor: its prefix, an ID of 16 characters, and 43 random
// characters.
func (s *idSource) successorKey() string {
	secret := []byte(successorPrefix)
	for _, n := range []int{16, 43} {
		secret = append(secret, '.')
		for range n {
			secret = append(secret, base64URL[s.random.IntN(len(base64URL))])
		}
	}
	return string(secret)
}

func keySuffix(row int64) string {
	suffix := []byte("000000")
	for i := len(suffix) - 1; row > 0 && i >= 0; i-- {
		suffix[i] = base62[row%62]
		row /= 62
	}
	return string(suffix)
}
