package cocalctest

import (
	"math"
	"slices"
	"time"
)

// account is an account of the server.
type account struct {
	id, email, firstName, lastName string
	banned, partner                bool
	minBalance                     float64 // dollars
	minBalanceSet                  bool
	closingDay                     any // null until it is set
	projects                       []Project
	noStripe, noCreditRenewals     bool // see RunRenewals
	admin                          bool
}

// NewAccount describes a new account. Fields that are empty get random values.
type NewAccount struct {
	ID      string // uuid
	Email   string
	Key     string // an API key of either form; the server may not accept it
	Credit  int64  // cents
	Partner bool   // an older server requires no captcha from it
	Admin   bool   // of the site: it may change the owner of a license
	// NoStripeCustomer is set if nothing was ever paid by card: the server renews no subscription of the account.
	NoStripeCustomer bool
}

// Account lets a test act on one account of the server, as the account's owner or another program would. What it does
// is neither in the request log nor throttled.
type Account struct {
	s *Server
	a *account
}

// Add adds an account with one API key.
func (s *Server) Add(spec NewAccount) *Account {
	s.mu.Lock()
	a := &account{
		id: spec.ID, email: spec.Email, firstName: "Bot", lastName: "Tester", partner: spec.Partner,
		admin: spec.Admin, noStripe: spec.NoStripeCustomer,
	}
	if a.id == "" {
		a.id = s.ids.uuid()
	}
	if a.email == "" {
		a.email = "bot-" + a.id[:8] + "@example.com"
	}
	s.accounts = append(s.accounts, a)
	s.addKey(a, spec.Key, "slack-bot")
	s.mu.Unlock()
	account := &Account{s, a}
	if spec.Credit != 0 {
		account.AddCredit(spec.Credit, "starting credit")
	}
	return account
}

// addKey adds a key; an empty secret means a random one. A key of the successor's form has AccountRead. The caller
// holds the lock.
func (s *Server) addKey(a *account, secret, name string) *apiKey {
	key := &apiKey{id: next(&s.ids.keyRows), secret: secret, name: name, account: a, created: s.now()}
	switch {
	case secret == "" && s.generation == Successor:
		key.secret = s.ids.successorKey()
	case secret == "":
		key.secret = s.ids.key(key.id)
	}
	if isSuccessorKey(key.secret) {
		key.capabilities = []string{AccountRead}
	}
	s.keys = append(s.keys, key)
	return key
}

// ID returns the account's UUID.
func (a *Account) ID() string { return a.a.id }

// Email returns the account's address.
func (a *Account) Email() string { return a.a.email }

// Key returns the first API key that is not revoked; empty if there is none.
func (a *Account) Key() string {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	for _, key := range a.s.keys {
		if key.account == a.a && !key.deleted {
			return key.secret
		}
	}
	return ""
}

// NewKey adds another API key and returns it.
func (a *Account) NewKey(name string) string {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	return a.s.addKey(a.a, "", name).secret
}

// NewSuccessorKey adds a key of the successor's form with these capabilities, such as AccountRead, and returns it. Only
// a successor accepts it.
func (a *Account) NewSuccessorKey(name string, capabilities ...string) string {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	key := a.s.addKey(a.a, a.s.ids.successorKey(), name)
	key.capabilities = capabilities
	return key.secret
}

// SuccessorKey returns the first API key of the successor's form that is not revoked; empty if there is none.
func (a *Account) SuccessorKey() string {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	for _, key := range a.s.keys {
		if key.account == a.a && !key.deleted && isSuccessorKey(key.secret) {
			return key.secret
		}
	}
	return ""
}

// RevokeKey deletes a key. The server still accepts it up to 15 seconds after it last looked it up.
func (a *Account) RevokeKey(secret string) { a.changeKey(secret, func(k *apiKey) { k.deleted = true }) }

// ExpireKey sets the time from which a key is refused.
func (a *Account) ExpireKey(secret string, at time.Time) {
	a.changeKey(secret, func(k *apiKey) { k.expires = at })
}

func (a *Account) changeKey(secret string, change func(*apiKey)) {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	for _, key := range a.s.keys {
		if key.account == a.a && key.secret == secret {
			change(key)
		}
	}
}

// Ban bans the account, or ends a ban.
func (a *Account) Ban(banned bool) {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	a.a.banned = banned
}

// AddCredit adds credit to the account in cents; a negative amount removes it.
func (a *Account) AddCredit(cents int64, note string) {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	a.s.purchases = append(a.s.purchases, &purchase{
		id: next(&a.s.ids.purchase), accountID: a.a.id, time: a.s.now(), cost: float32(float64(-cents) / 100),
		service: "credit", description: object{{"type", "credit"}}, notes: note,
	})
}

// SetMinBalance sets the lowest balance that the account may have, in cents, 0 or less, as an admin does. The live
// server may use the old value for 30 more seconds; this one doesn't.
func (a *Account) SetMinBalance(cents int64) {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	a.a.minBalance, a.a.minBalanceSet = float64(cents)/100, true
}

// Balance returns the credit in cents, rounded; it is negative if the account is overdrawn.
func (a *Account) Balance() int64 {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	return int64(math.Round(a.s.balance(a.a.id) * 100))
}

// Project is a project that a license can be applied to.
type Project struct {
	ID, Title string
	Licenses  []string // ids
	// Broken are IDs of licenses whose entry in the project is no object: they don't apply, and can't be repaired.
	Broken []string `json:",omitempty"`
	// Collaborator is set if another account owns the project.
	Collaborator bool
	Deleted      bool
	Edited       time.Time // of the last edit
}

// AddProject adds a project of the account. If a cart item names its ID, the license is applied to it when it is
// bought.
func (a *Account) AddProject(id, title string) {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	a.a.projects = append(a.a.projects, Project{ID: id, Title: title, Edited: a.s.now()})
}

// ChangeProject changes a project of the account, as its people can.
func (a *Account) ChangeProject(id string, change func(*Project)) {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	for i := range a.a.projects {
		if a.a.projects[i].ID == id {
			change(&a.a.projects[i])
		}
	}
}

// LeaveProject removes the account from a project.
func (a *Account) LeaveProject(id string) {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	a.a.projects = slices.DeleteFunc(a.a.projects, func(p Project) bool { return p.ID == id })
}

// Projects returns the account's projects with the licenses that are applied to them.
func (a *Account) Projects() []Project {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	list := make([]Project, len(a.a.projects))
	for i, p := range a.a.projects {
		list[i] = p
		list[i].Licenses, list[i].Broken = slices.Clone(p.Licenses), slices.Clone(p.Broken)
	}
	return list
}
