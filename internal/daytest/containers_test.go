package daytest_test

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"unsafe"
)

// containers are the numbers of elements in the maps, slices and channels that the bot's values lead to, by where they
// are declared: "bot.turns.asleep". Those in the variables of functions are not among them.
type containers map[string]int

// count walks from a value to everything of the repository's own that it leads to. Nothing may change meanwhile.
func (c containers) count(root any) {
	w := walk{c, map[visit]bool{}}
	w.value(reflect.ValueOf(root), "root")
}

type walk struct {
	found containers
	seen  map[visit]bool
}

type visit struct {
	at   unsafe.Pointer
	kind reflect.Type
}

// foreign reports whether a type is of another module, or of a simulator: what it holds is not looked at.
func foreign(t reflect.Type) bool {
	path := t.PkgPath()
	switch {
	case path == "" || path == "sync/atomic" || path == "golang.org/x/sync/singleflight":
		return false
	case strings.HasPrefix(path, "licensebot/slacksim"), strings.HasPrefix(path, "licensebot/cocalc/cocalctest"):
		return true
	}
	return !strings.HasPrefix(path, "licensebot/")
}

// value walks on from v. name is where it is declared.
func (w walk) value(v reflect.Value, name string) {
	switch v.Kind() {
	case reflect.Pointer:
		at := visit{v.UnsafePointer(), v.Type()}
		if v.IsNil() || foreign(v.Type().Elem()) || w.seen[at] {
			return
		}
		w.seen[at] = true
		w.value(v.Elem(), name)
	case reflect.Interface:
		if !v.IsNil() {
			w.value(v.Elem(), name)
		}
	case reflect.Struct:
		w.fields(v)
	case reflect.Map:
		at := visit{v.UnsafePointer(), v.Type()}
		if w.seen[at] {
			return
		}
		w.seen[at] = true
		w.found[name] += v.Len()
		for each := v.MapRange(); each.Next(); {
			w.value(each.Value(), name+"[]")
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 { // the memory profile has them
			return
		}
		w.found[name] += v.Len()
		if scalar(v.Type().Elem().Kind()) {
			return
		}
		for i := range v.Len() {
			w.value(v.Index(i), name+"[]")
		}
	case reflect.Chan:
		w.found[name] += v.Len()
	default: // no container
	}
}

func (w walk) fields(v reflect.Value) {
	if foreign(v.Type()) {
		return
	}
	if !v.CanAddr() {
		copied := reflect.New(v.Type()).Elem()
		copied.Set(v)
		v = copied
	}
	for i := range v.NumField() {
		declared := v.Type().Field(i)
		f := v.Field(i)
		if !f.CanInterface() { // a field that is not exported
			f = reflect.NewAt(f.Type(), unsafe.Pointer(f.UnsafeAddr())).Elem()
		}
		name, _, _ := strings.Cut(v.Type().String(), "[")
		w.value(f, name+"."+declared.Name)
	}
}

func scalar(k reflect.Kind) bool { return k <= reflect.Complex128 || k == reflect.String }

// raise makes each number at least that of other.
func (c containers) raise(other containers) {
	for name, n := range other {
		c[name] = max(c[name], n)
	}
}

// perPerson are containers that have elements for each person, and how many at most: everyone acts on the first day,
// but not everyone gets a message, a card or a refusal.
var perPerson = map[string]int{
	"bot.cache.entries":         3,
	"bot.pace.buckets":          2,
	"orders.rateLimiter.cards":  1,
	"orders.rateLimiter.people": 1,
	// the ledger's cache has a few states of a month's budget
	"purchase.Budget.People": 4,
	"purchase.Share.Auto":    4,
	"purchase.Share.Days":    4,
}

// grown describes the containers that have more elements than before, beyond those for the people or for the open
// orders, and what the other actions of another hour make.
func (c containers) grown(before containers, open int) (lines []string) {
	for _, name := range slices.Sorted(maps.Keys(c)) {
		n, had := c[name], before[name]
		if most := max(had+had/4+2, perPerson[name]*teamSize**days, open); n > most {
			lines = append(lines, fmt.Sprintf("%s: %d elements, after %d", name, n, had))
		}
	}
	return lines
}
