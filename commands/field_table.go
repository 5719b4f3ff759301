package commands

import (
	"slices"
	"strconv"
	"sync"
)

// Kind is the kind of a field's value, which determines its input in a form.
type Kind int

// The kinds.
const (
	KindNumber  Kind = iota // a whole number
	KindYesNo               // yes or no
	KindChoice              // one of FieldInfo.Choices
	KindText                // any text
	KindDate                // a day: 2027-01-31
	KindProject             // the ID of a CoCalc project, or a link to it
)

// FieldInfo describes a field of a license for people: in the help, and as label and hint of an input.
type FieldInfo struct {
	Key       string   // name in a command: "run_limit"
	Label     string   // label of an input: "Run limit"
	Hint      string   // description: a sentence without a full stop
	Advice    string   // recommended value, in words; may be empty
	Kind      Kind     // kind of the value
	Unit      string   // unit of a number: "GB"; empty for other kinds
	Default   string   // default, in words; empty if there is none or the field is required
	Bounds    string   // possible values, in words: "1–16"; empty if there are no bounds
	Required  bool     // whether the field has no default
	Multiline bool     // whether text may have several lines
	Example   string   // a value, as people type it
	Choices   []Choice // the values of KindChoice
	Aliases   []string // other names that the parser accepts
}

// Choice is one value of a field of KindChoice.
type Choice struct {
	Value   string   // CoCalc's word
	Label   string   // description for people
	Aliases []string // other words that the parser accepts, without spaces
}

// periodRange is CoCalc's word for the period of a fixed term.
const periodRange = "range"

// field is a row of the table: its description, the units that a number may have, and a function that returns where in
// Fields the value is stored: a **int, **bool, **string or **Date.
type field struct {
	FieldInfo
	units []string
	at    func(*Fields) any
}

var (
	unitsGB       = []string{"g", "gb", "gib", "gig", "gigs", "gbs", "gigabyte", "gigabytes"}
	unitsCores    = []string{"core", "cores", "vcpu", "vcpus", "cpu", "cpus"}
	unitsProjects = []string{"project", "projects", "student", "students", "seat", "seats"}
	unitsDays     = []string{"d", "day", "days"}
)

// fieldTable lists the fields in the order of the help, of forms and of what Format prints. Defaults and bounds are
// CoCalc's, in words; package cocalc applies them.
var fieldTable = []field{
	{
		FieldInfo: FieldInfo{
			Key: "ram", Label: "RAM", Hint: "Memory per project", Advice: "2 GB or more recommended",
			Kind: KindNumber, Unit: "GB", Bounds: "1–16", Required: true, Example: "16", Aliases: []string{"memory", "mem"},
		},
		units: unitsGB, at: func(f *Fields) any { return &f.RAM },
	},
	{
		FieldInfo: FieldInfo{
			Key: "cpu", Label: "CPU", Hint: "Processor cores per project",
			Kind: KindNumber, Unit: "cores", Bounds: "1–3", Required: true, Example: "2",
			Aliases: []string{"cpus", "core", "cores", "vcpu", "vcpus", "processors"},
		},
		units: unitsCores, at: func(f *Fields) any { return &f.CPU },
	},
	{
		FieldInfo: FieldInfo{
			Key: "disk", Label: "Disk", Hint: "Disk space per project",
			Kind: KindNumber, Unit: "GB", Default: "10", Bounds: "1–20", Example: "15",
			Aliases: []string{"storage", "space", "disk_space"},
		},
		units: unitsGB, at: func(f *Fields) any { return &f.Disk },
	},
	{
		FieldInfo: FieldInfo{
			Key: "run_limit", Label: "Run limit",
			Hint: "How many projects can run at once; for a course, the number of students",
			Kind: KindNumber, Unit: "projects", Default: "1", Bounds: "1–10,000", Example: "10",
			Aliases: []string{"limit", "projects", "students", "seats", "count", "quantity"},
		},
		units: unitsProjects, at: func(f *Fields) any { return &f.RunLimit },
	},
	{
		FieldInfo: FieldInfo{
			Key: "member", Label: "Member hosting", Hint: "Hosting on less crowded servers",
			Kind: KindYesNo, Default: "yes", Example: "yes", Aliases: []string{"member_hosting", "hosting"},
		},
		at: func(f *Fields) any { return &f.Member },
	},
	{
		FieldInfo: FieldInfo{
			Key: "uptime", Label: "Uptime", Hint: "How long an idle project keeps running",
			Kind: KindChoice, Default: "medium", Example: "medium", Aliases: []string{"idle_timeout", "timeout", "idle"},
			Choices: []Choice{
				{"short", "30 minutes", []string{"30m", "30min", "30mins", "30minutes", "halfhour"}},
				{"medium", "2 hours", []string{"2h", "2hr", "2hrs", "2hour", "2hours", "120min", "120minutes"}},
				{"day", "1 day, needs member hosting", []string{"1d", "1day", "24h", "24hr", "24hrs", "24hours"}},
				{"always_running", "never stops", []string{"always", "alwayson", "24/7", "nonstop"}},
			},
		},
		at: func(f *Fields) any { return &f.Uptime },
	},
	{
		FieldInfo: FieldInfo{
			Key: "user", Label: "Who it's for", Hint: "Who it's for",
			Kind: KindChoice, Default: "business", Example: "academic", Aliases: []string{"customer"},
			Choices: []Choice{
				{"academic", "teaching and research, discounted", []string{"academia", "edu", "education", "university", "school"}},
				{"business", "everyone else", []string{"commercial", "company", "industry", "biz"}},
			},
		},
		at: func(f *Fields) any { return &f.User },
	},
	{
		FieldInfo: FieldInfo{
			Key: "boost", Label: "Boost", Hint: "Adds to another license on the same project; does nothing on its own",
			Kind: KindYesNo, Default: "no", Example: "no",
		},
		at: func(f *Fields) any { return &f.Boost },
	},
	{
		FieldInfo: FieldInfo{
			Key: "period", Label: "Billing", Hint: "Billing",
			Kind: KindChoice, Default: "monthly", Example: "yearly", Aliases: []string{"billing", "subscription", "renewal"},
			Choices: []Choice{
				{"monthly", "renews every month until cancelled", []string{"month", "permonth", "everymonth", "amonth", "mo"}},
				{"yearly", "renews every year until cancelled", []string{
					"year", "peryear", "everyyear", "ayear", "annual",
					"annually",
				}},
				{periodRange, "a fixed term, never renews", []string{"fixed", "fixedterm", "term", "once"}},
			},
		},
		at: func(f *Fields) any { return &f.Period },
	},
	{
		FieldInfo: FieldInfo{
			Key: "start", Label: "Start", Hint: "First day of a fixed term; leave it out to start when you buy",
			Kind: KindDate, Example: "2027-01-01",
			Aliases: []string{"from", "begin", "begins", "starts", "start_date"},
		},
		at: func(f *Fields) any { return &f.Start },
	},
	{
		FieldInfo: FieldInfo{
			Key: "end", Label: "End", Hint: "Last day of a fixed term",
			Kind: KindDate, Example: "2027-01-31",
			Aliases: []string{"until", "till", "to", "ends", "expires", "end_date"},
		},
		at: func(f *Fields) any { return &f.End },
	},
	{
		FieldInfo: FieldInfo{
			Key: "days", Label: "Days", Hint: "Length of a fixed term in days, instead of end",
			Kind: KindNumber, Unit: "days", Example: "30", Aliases: []string{"day", "duration", "length"},
		},
		units: unitsDays, at: func(f *Fields) any { return &f.Days },
	},
	{
		FieldInfo: FieldInfo{
			Key: "title", Label: "Title", Hint: "Name of the license",
			Kind: KindText, Example: `"Statistics 101"`, Aliases: []string{"name", "label"},
		},
		at: func(f *Fields) any { return &f.Title },
	},
	{
		FieldInfo: FieldInfo{
			Key: "description", Label: "Description", Hint: "More about the license, stored with it",
			Kind: KindText, Multiline: true, Example: `"for the spring course"`, Aliases: []string{"desc", "note", "notes"},
		},
		at: func(f *Fields) any { return &f.Description },
	},
	{
		FieldInfo: FieldInfo{
			Key: "reason", Label: "Reason", Hint: "Why you need it; approvers read this",
			Kind: KindText, Multiline: true, Example: `"our server is too slow"`,
			Aliases: []string{"why", "because", "purpose", "justification"},
		},
		at: func(f *Fields) any { return &f.Reason },
	},
	{
		FieldInfo: FieldInfo{
			Key: "project", Label: "Project", Hint: "CoCalc project that gets the license, by its id or link",
			Kind: KindProject, Example: exampleProject, Aliases: []string{"project_id"},
		},
		at: func(f *Fields) any { return &f.Project },
	},
}

// AllFields returns the fields of a license, in the order in which people see them. The caller may change the slices.
func AllFields() []FieldInfo {
	infos := make([]FieldInfo, len(fieldTable))
	for i := range fieldTable {
		infos[i] = fieldTable[i].info()
	}
	return infos
}

// FieldNamed describes one field, by its key or another word for it.
func FieldNamed(word string) (FieldInfo, bool) {
	row, ok := fieldNamed(word)
	if !ok {
		return FieldInfo{}, false
	}
	return row.info(), true
}

// info copies the exported part, so that other packages can't change the table.
func (f *field) info() FieldInfo {
	info := f.FieldInfo
	info.Aliases = slices.Clone(info.Aliases)
	info.Choices = slices.Clone(info.Choices)
	for i := range info.Choices {
		info.Choices[i].Aliases = slices.Clone(info.Choices[i].Aliases)
	}
	return info
}

// fieldWords returns the words for fields, from the table.
var fieldWords = sync.OnceValue(func() vocabulary {
	var v vocabulary
	for i := range fieldTable {
		v.add(fieldTable[i].Key, fieldTable[i].Aliases)
	}
	return v
})

// yes and no are the values of KindYesNo.
const (
	yes = "yes"
	no  = "no"
)

// yesNoWords returns the words for yes and no.
var yesNoWords = sync.OnceValue(func() vocabulary {
	var v vocabulary
	v.add(yes, []string{"y", "true", "t", "on", "1"})
	v.add(no, []string{"n", "false", "f", "off", "0"})
	return v
})

// choiceWords returns, for each field with choices, the words for them.
var choiceWords = sync.OnceValue(func() map[string]vocabulary {
	all := map[string]vocabulary{}
	for i := range fieldTable {
		var v vocabulary
		for _, c := range fieldTable[i].Choices {
			v.add(c.Value, c.Aliases)
		}
		if len(v.names) > 0 {
			all[fieldTable[i].Key] = v
		}
	}
	return all
})

// get returns the value that put stores, and whether there is one.
func (f *field) get(fields *Fields) (string, bool) {
	switch at := f.at(fields).(type) {
	case **int:
		if *at != nil {
			return strconv.Itoa(**at), true
		}
	case **bool:
		switch {
		case *at == nil:
		case **at:
			return yes, true
		default:
			return no, true
		}
	case **string:
		if *at != nil {
			return **at, true
		}
	case **Date:
		if *at != nil {
			return (*at).String(), true
		}
	}
	return "", false
}
