package main

import (
	"go/format"
	"strings"
	"testing"
)

const example = `package example

const limit = 3

func (d *desk[T]) pay(o order, items []item) error {
	// The price was agreed to.
	if o.Price > limit && !o.Agreed || d.closed {
		return refuse(o)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case o.Sent, o.Lost:
		return nil
	case o.Lost && d.closed:
		return errLost
	}
	switch o.State {
	case approved, adding, carted:
		d.log(o)
	}
	if err := d.put(o, span{length: limit, careful: true}); err != nil {
		return err
	}
	return d.checkout(
		o, // the order
	)
}
`

// Each operator changes the place that its mentions name, and nothing else.
func TestOperator(t *testing.T) {
	for _, c := range []struct {
		name     string
		change   operator
		old, new string // a part of the example, and what becomes of it
	}{
		{
			"never, an if", never("o.Price"),
			"if o.Price > limit && !o.Agreed || d.closed {", "if false && (o.Price > limit && !o.Agreed || d.closed) {",
		},
		{"never, a case", never("o.Sent"), "case o.Sent, o.Lost:", "case false && (o.Sent || o.Lost):"},
		{
			"never, by what stands before the condition", never("d.put"),
			"; err != nil {", "; false && (err != nil) {",
		},
		{"always", always("o.Sent"), "case o.Sent, o.Lost:", "case true || (o.Sent || o.Lost):"},
		{
			"always, a condition as a whole", always("o.Lost && d.closed"),
			"case o.Lost && d.closed:", "case true || (o.Lost && d.closed):",
		},
		{
			"dropOperand, of an or", dropOperand("o.Price > limit && !o.Agreed"),
			"o.Price > limit && !o.Agreed ||", "(false && (o.Price > limit && !o.Agreed)) ||",
		},
		{"dropOperand, of an and", dropOperand("o.Agreed"), "!o.Agreed", "(true || !o.Agreed)"},
		{"dropValue, the first", dropValue("approved"), "case approved, adding, carted:", "case adding, carted:"},
		{"dropValue, the last", dropValue("carted"), "case approved, adding, carted:", "case approved, adding:"},
		{"dropStatement", dropStatement("d.log"), "d.log(o)", "if false {\n\t\t\td.log(o)\n\t\t}"},
		{
			"dropStatement, by what stands before a condition", dropStatement("d.put"),
			"if err := d.put(o, span{length: limit, careful: true}); err != nil {\n\t\treturn err\n\t}",
			"if false {\n\t\tif err := d.put(o, span{length: limit, careful: true}); err != nil {\n\t\t\treturn err\n\t\t}\n\t}",
		},
		{
			"dropEach", dropEach("d.mu"),
			"d.mu.Lock()\n\tdefer d.mu.Unlock()",
			"if false {\n\t\td.mu.Lock()\n\t}\n\tif false {\n\t\tdefer d.mu.Unlock()\n\t}",
		},
		{
			"instead, over several lines", instead("return nil", "d.checkout(o)"),
			"return d.checkout(\n\t\to, // the order\n\t)",
			"if false {\n\t\treturn d.checkout(\n\t\t\to, // the order\n\t\t)\n\t}\n\treturn nil",
		},
		{"before", before("d.note(`100%`)", "d.log"), "d.log(o)", "d.note(`100%`)\n\t\td.log(o)"},
		{"after", after("d.note()", "d.log"), "d.log(o)", "d.log(o)\n\t\td.note()"},
		{"start", start("return nil"), "error {\n\t// The", "error {\n\treturn nil\n\n\t// The"},
		{"swap", swap("d.put", "d.keep"), "d.put(o", "d.keep(o"},
		{"swap, in a statement", swap("o", "order{}", "d.log"), "d.log(o)", "d.log(order{})"},
		{"setField", setField("careful", "false"), "careful: true", "careful: false"},
		{
			"both", both(swap("d.put", "d.keep"), dropValue("carted")),
			"case approved, adding, carted:\n\t\td.log(o)\n\t}\n\tif err := d.put(",
			"case approved, adding:\n\t\td.log(o)\n\t}\n\tif err := d.keep(",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			found, err := declarations("example.go", example, "(*desk).pay")
			if err != nil || len(found) != 1 {
				t.Fatalf("got %d declarations (%v), want 1", len(found), err)
			}
			changed, err := found[0].apply(c.change)
			if err != nil {
				t.Fatal(err)
			}
			got, err := format.Source([]byte(changed))
			if err != nil {
				t.Fatal(err)
			}
			if strings.Count(example, c.old) != 1 {
				t.Fatalf("%q: got it %d times in the example, want once", c.old, strings.Count(example, c.old))
			}
			if want := strings.Replace(example, c.old, c.new, 1); string(got) != want {
				t.Errorf("got %s\nwant %s", got, want)
			}
		})
	}
}

func TestOperator_NotOnePlace(t *testing.T) {
	for _, c := range []struct {
		name   string
		change operator
	}{
		{"no place", never("o.Gone")},
		{"several places", never("d.closed")},
		{"a part of a name", never("Pri")},
		{"no expression", never("o.Price >")},
		{"another expression that is none", swap("d.put", "d.")},
		{"a single statement", dropEach("d.put")},
		{"the same", swap("d.put", "d.put")},
		{"both, where the second has no place", both(never("d.put"), never("o.Gone"))},
	} {
		t.Run(c.name, func(t *testing.T) {
			found, err := declarations("example.go", example, "(*desk).pay")
			if err != nil || len(found) != 1 {
				t.Fatalf("got %d declarations (%v), want 1", len(found), err)
			}
			if got, err := found[0].apply(c.change); err == nil {
				t.Errorf("got %s, want an error", got)
			}
		})
	}
}

func TestDeclarations(t *testing.T) {
	const source = `package example

type price int

const (
	low  = 1
	high = 2
)

var pattern, other = regexp.MustCompile("a"), 1

func (p price) String() string { return "" }
func (c *cache[K, V]) get() {}
func get() {}
`
	for name, want := range map[string]int{
		"price": 1, "high": 1, "other": 1, "price.String": 1, "(*cache).get": 1, "get": 1,
		"cache.get": 0, "(*price).String": 0, "String": 0,
	} {
		if got, err := declarations("example.go", source, name); len(got) != want || err != nil {
			t.Errorf("declarations(%q) = %d, %v, want %d", name, len(got), err, want)
		}
	}
}

func TestFind_NotOne(t *testing.T) {
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	if d, err := find(root, "internal/mutants.find"); err != nil || d.file != "internal/mutants/anchor.go" {
		t.Errorf("find itself: got %q (%v), want internal/mutants/anchor.go", d.file, err)
	}
	for _, name := range []string{"internal/mutants.gone", "internal/mutants", "gone.find", "internal/mutants.example"} {
		if d, err := find(root, name); err == nil {
			t.Errorf("find(%q): got %s, want an error", name, d.file)
		}
	}
}
