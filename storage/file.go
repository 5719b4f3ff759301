package storage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"

	"go.etcd.io/bbolt"
)

// create creates an empty ledger at path: complete in a temporary file first, then renamed.
func create(path string) error {
	if info, err := os.Stat(filepath.Dir(path)); err != nil || !info.IsDir() {
		return fmt.Errorf("the folder %s doesn't exist: create it, or set DATABASE to another path", filepath.Dir(path))
	}
	temp, err := createTemp(path, "new")
	if err != nil {
		return err
	}
	name := temp.Name()
	defer os.Remove(name) // after the rename, no file has that name
	if err := temp.Close(); err != nil {
		return err
	}
	db, err := bbolt.Open(name, fileMode, &bbolt.Options{FreelistType: freeList})
	if err != nil {
		return err
	}
	err = db.Update(createBuckets)
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	// If two programs create the same ledger at once, the first one's file stays.
	if err := linkFinal(name, path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// createBuckets creates the buckets of an empty ledger, and marks it as one.
func createBuckets(tx *bbolt.Tx) error {
	for _, bucket := range slices.Concat(buckets, bundleBuckets, [][]byte{bucketItemIndex, bucketOwned}) {
		if _, err := tx.CreateBucket(bucket); err != nil {
			return err
		}
	}
	meta := tx.Bucket(bucketMeta)
	if err := meta.Put(keyApplication, application); err != nil {
		return err
	}
	return meta.Put(keySchema, strconv.AppendInt(nil, SchemaVersion, 10))
}

// createTemp creates a temporary file of mode 0600 in the folder of path. A file is written completely under such a
// name and then renamed in one step; the names begin with a dot, so that what a crash leaves behind is recognized.
func createTemp(path, what string) (*os.File, error) {
	return os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"."+what+"-*") // mode 0600
}

// linkFinal gives the complete file the name name, durably. The error wraps fs.ErrExist if a file has that name.
func linkFinal(complete, name string) error {
	if err := os.Link(complete, name); errors.Is(err, fs.ErrExist) {
		return err
	} else if err != nil { // a file system without hard links
		if _, err := os.Lstat(name); err == nil {
			return &os.LinkError{Op: "rename", Old: complete, New: name, Err: fs.ErrExist}
		}
		if err := os.Rename(complete, name); err != nil {
			return err
		}
	}
	return syncDir(filepath.Dir(name))
}

// syncDir makes the names of a folder's files durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// checkPages returns an error if the pages of the file are inconsistent, before bbolt maps it into memory. bbolt trusts
// every number on a page: a damaged one makes it read beyond the end of the file or loop, which ends the program
// without an error, or makes it overwrite pages that are in use. Of the buckets in later, it leaves out most leaf
// pages, which are most of a large file: it does not read them, but the error of account says whether a page of theirs
// is free. That is called once, also after an error of bbolt, and before anything is written to the file.
//
// The layout is bbolt's, version 2. A page begins with its number (8 bytes), flags and count (2 each) and how many
// pages follow that belong to it (4). The first two pages each hold a meta record: magic, version, page size, flags (4
// each), root page, sequence, free list, number of pages, transaction, and an FNV-1a sum of these (8 each), in the
// machine's byte order. The one with the later transaction counts. If one of the two is damaged, bbolt silently uses
// the other, and so forgets a transaction that may have recorded that a checkout was sent; here that is an error.
func checkPages(path string, info fs.FileInfo, later [][]byte) (account func() error, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	if err := lock(f, syscall.LOCK_SH); err != nil {
		return nil, err
	}
	if !sameFile(f, path, info) {
		return nil, errReplaced
	}
	if info, err = f.Stat(); err != nil {
		return nil, err
	}
	p, err := walkTree(f, info.Size(), later, func() {})
	if err != nil {
		return nil, err
	}
	return func() error {
		defer f.Close()
		return p.account()
	}, nil
}

const (
	magic   = metaMagic
	header  = pageHeader
	element = 16 // of a branch or a leaf
	metaSum = header + 56

	flagBranch, flagLeaf, flagFree = 0x01, 0x02, 0x10
	leafBucket                     = 0x01
)

// pages is the state of a check.
type pages struct {
	file io.ReaderAt
	size uint64 // of a page
	high uint64
	use  []use    // by page number
	read [][]byte // the beginnings of the pages from the root to the present one, by depth

	later [][]byte // names of buckets whose leaves are left out
	skips bool     // the present bucket is one of them
}

// use is what a page is used for.
type use uint8

const (
	unknown use = iota
	isUsed
	isFree
	isLeftOut // a leaf page that was not read; it may have overflow pages, which stay unknown
)

func u16(b []byte, at uint64) uint16 { return binary.NativeEndian.Uint16(b[at:]) }

func u32(b []byte, at uint64) uint64 { return uint64(binary.NativeEndian.Uint32(b[at:])) }

func u64(b []byte, at uint64) uint64 { return binary.NativeEndian.Uint64(b[at:]) }

// walk checks the pages of a file of this size, and leaves out most leaves of the buckets in later. It reads pages with
// pread, since most of a large file are bundles, of which it needs a few bytes each: mapped, each of these costs a page
// fault. It calls begun once it knows the file's last state. A transaction of a program that has the file open may then
// be committed, if the caller holds a read transaction of that state: its pages stay as they are.
func walk(f io.ReaderAt, length int64, later [][]byte, begun func()) error {
	p, err := walkTree(f, length, later, begun)
	if err != nil {
		return err
	}
	return p.account()
}

// walkTree is walk without the check that each page is used or free; see account.
func walkTree(f io.ReaderAt, length int64, later [][]byte, begun func()) (*pages, error) {
	start := make([]byte, min(max(length, 0), 1<<17))
	if _, err := f.ReadAt(start, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if len(start) < metaSum+8 || !bytes.Contains(start, binary.NativeEndian.AppendUint32(nil, magic)) {
		return nil, fmt.Errorf("%w: it is not a database", ErrForeign)
	}
	size := u32(start, header+8)
	if size < 1024 || size > 1<<16 || size&(size-1) != 0 || uint64(length) < 2*size {
		return nil, damagedf("its page size is %d, in %d bytes", size, length)
	}
	meta := start[:size]
	for i, m := range [][]byte{meta, start[size : 2*size]} {
		sum := fnv.New64a()
		sum.Write(m[header:metaSum])
		if u32(m, header) != magic || u64(m, metaSum) != sum.Sum64() || u32(m, header+8) != size {
			return nil, damagedf("meta page %d", i)
		}
		if u64(m, header+48) > u64(meta, header+48) {
			meta = m
		}
	}
	begun()
	p := &pages{file: f, size: size, high: u64(meta, header+40), later: later}
	if p.high < 4 || p.high > uint64(length)/size {
		return nil, damagedf("it has %d bytes instead of %d: it was cut short", length, p.high*size)
	}
	p.use = make([]use, p.high)
	p.use[0], p.use[1] = isUsed, isUsed
	if err := p.free(u64(meta, header+32)); err != nil {
		return nil, err
	}
	if _, err := p.tree(u64(meta, header+16), nil, nil, 0); err != nil {
		return nil, err
	}
	return p, nil
}

// account checks that each page is used or free. The unknown pages after a leaf that was left out are its overflow
// pages. If a page in use follows them, that is all of them; if a free one does, the leaf says how many there are: a
// page that is free by mistake would be overwritten.
func (p *pages) account() error {
	leaf := uint64(0) // the last one that was left out, if its overflow pages may go on
	for id := uint64(2); id <= p.high; id++ {
		now := isFree // what follows the last page
		if id < p.high {
			now = p.use[id]
		}
		if now == unknown && leaf == 0 {
			return damagedf("page %d is neither used nor free", id)
		}
		if now == isFree && leaf > 0 {
			head := p.read[0][:header]
			if err := p.readAt(head, leaf*p.size); err != nil {
				return err
			}
			if n := u32(head, 12) + 1; u64(head, 0) != leaf || n != id-leaf {
				return damagedf("page %d has the number %d and %d pages instead of %d", leaf, u64(head, 0), n, id-leaf)
			}
		}
		switch now {
		case isLeftOut:
			leaf = id
		case isUsed, isFree:
			leaf = 0
		case unknown: // an overflow page of the leaf
		}
	}
	return nil
}

// span is a part of the file: a page with those that belong to it, or a bucket that is stored within one.
type span struct {
	at     uint64 // offset in the file
	length uint64
	start  []byte // its first bytes
}

// part returns length bytes from offset at on, which are within the span. They are valid until another page of the same
// depth is read.
func (p *pages) part(s span, at, length uint64) ([]byte, error) {
	if at+length <= uint64(len(s.start)) {
		return s.start[at : at+length], nil
	}
	b := make([]byte, length)
	return b, p.readAt(b, s.at+at)
}

func (p *pages) readAt(b []byte, at uint64) error {
	if _, err := p.file.ReadAt(b, int64(at)); errors.Is(err, io.EOF) {
		return damagedf("it was cut short")
	} else if err != nil {
		return err
	}
	return nil
}

// take marks a page and its overflow pages as used, and returns them. what names its use in errors.
func (p *pages) take(id uint64, what string, depth int) (s span, err error) {
	if id < 2 || id >= p.high {
		return s, damagedf("%s is on page %d of %d", what, id, p.high)
	}
	if len(p.read) <= depth {
		p.read = append(p.read, make([]byte, p.size))
	}
	head := p.read[depth]
	if err := p.readAt(head, id*p.size); err != nil {
		return s, err
	}
	n := u32(head, 12) + 1
	if u64(head, 0) != id || id+n > p.high {
		return s, damagedf("page %d has the number %d and %d pages", id, u64(head, 0), n)
	}
	for i := id; i < id+n; i++ {
		if err := p.mark(i, isUsed); err != nil {
			return s, err
		}
	}
	return span{id * p.size, n * p.size, head}, nil
}

func (p *pages) mark(id uint64, as use) error {
	if p.use[id] != unknown {
		return damagedf("page %d is used twice", id)
	}
	p.use[id] = as
	return nil
}

// free marks the pages of the free list, and the pages that it lists, as used.
func (p *pages) free(id uint64) error {
	s, err := p.take(id, "the free list", 0)
	if err != nil {
		return err
	}
	page, err := p.part(s, 0, s.length)
	if err != nil {
		return err
	}
	count, at := uint64(u16(page, 10)), uint64(header)
	if count == 0xFFFF {
		count, at = u64(page, at), at+8
	}
	if u16(page, 8) != flagFree || count > (uint64(len(page))-at)/8 {
		return damagedf("the free list")
	}
	for i := range count {
		free := u64(page, at+8*i)
		if free < 2 || free >= p.high || p.use[free] != unknown {
			return damagedf("page %d is free and used", free)
		}
		p.use[free] = isFree
	}
	return nil
}

// tree checks the pages of a bucket, whose keys lie in [from, to), and marks them as used. It reports whether the first
// of them is a leaf.
func (p *pages) tree(id uint64, from, to []byte, depth int) (isLeaf bool, err error) {
	if depth > 64 {
		return false, damagedf("page %d lies too deep", id)
	}
	s, err := p.take(id, "a branch", depth)
	if err != nil {
		return false, err
	}
	isLeaf = u16(s.start, 8) == flagLeaf
	return isLeaf, p.node(s, from, to, depth)
}

// leaveOut marks a leaf page that is not read.
func (p *pages) leaveOut(id uint64) error {
	if id < 2 || id >= p.high {
		return damagedf("a leaf is on page %d of %d", id, p.high)
	}
	return p.mark(id, isLeftOut)
}

// node checks the elements of a branch or leaf page, and the pages below it.
func (p *pages) node(s span, from, to []byte, depth int) error {
	if s.length < header {
		return damagedf("a bucket of %d bytes", s.length)
	}
	flags, count := u16(s.start, 8), uint64(u16(s.start, 10))
	table := header + count*element
	if flags != flagBranch && flags != flagLeaf || table > s.length || flags == flagBranch && count == 0 {
		return damagedf("a page with flags %x and %d elements", flags, count)
	}
	elements, err := p.part(s, 0, table)
	if err != nil {
		return err
	}
	isWithin := func(at, length uint64) bool { return at >= table && at <= s.length && length <= s.length-at }
	keys := make([][]byte, count+1)
	keys[count] = to
	for i := range count {
		e := uint64(header) + i*element
		at, length := u32(elements, e), u32(elements, e+4)
		if flags == flagLeaf {
			at, length = u32(elements, e+4), u32(elements, e+8)
		}
		if length == 0 || !isWithin(e+at, length) {
			return damagedf("element %d of a page", i)
		}
		if keys[i], err = p.part(s, e+at, length); err != nil {
			return err
		}
		if i == 0 && bytes.Compare(keys[i], from) < 0 || i > 0 && bytes.Compare(keys[i-1], keys[i]) >= 0 ||
			to != nil && bytes.Compare(keys[i], to) >= 0 {
			return damagedf("element %d of a page", i)
		}
	}
	aboveLeaves := false // all leaves of a tree have the same depth
	for i := range count {
		e := uint64(header) + i*element
		if flags == flagBranch {
			child := u64(elements, e+8)
			if p.skips && aboveLeaves && i < count-1 { // new pages are written beside the last
				err = p.leaveOut(child)
			} else {
				aboveLeaves, err = p.tree(child, keys[i], keys[i+1], depth+1)
			}
			if err != nil {
				return err
			}
			continue
		}
		at, length := e+u32(elements, e+4)+u32(elements, e+8), u32(elements, e+12)
		if kind := u32(elements, e); kind > leafBucket || !isWithin(at, length) {
			return damagedf("value %d of a page", i)
		} else if kind != leafBucket {
			continue
		}
		if err := p.bucket(s, at, length, keys[i], depth); err != nil {
			return err
		}
	}
	return nil
}

// bucket checks a bucket within another: its root page, or the page that is stored in its place.
func (p *pages) bucket(s span, at, length uint64, name []byte, depth int) error {
	if length < 16 {
		return damagedf("bucket %q", name)
	}
	value, err := p.part(s, at, length)
	if err != nil {
		return err
	}
	if root := u64(value, 0); root != 0 {
		p.skips = slices.ContainsFunc(p.later, func(later []byte) bool { return bytes.Equal(later, name) })
		_, err := p.tree(root, nil, nil, depth+1)
		p.skips = false
		return err
	}
	return p.node(span{s.at + at + 16, length - 16, value[16:]}, nil, nil, depth)
}
