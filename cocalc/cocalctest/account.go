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
}

// NewAccount is what an account begins with. Empty fields are made up.
type NewAccount struct {
	ID      string // uuid
	Email   string
	Key     string // an API key, of the form that the server takes or of the other
	Credit  int64  // cents
	Partner bool   // an older server asks it for no captcha
}

// Account lets a test act on one account of the server, as the account's owner or another program does. The request log
// and the throttles do not count what it does.
type Account struct {
	s *Server
	a *account
}

// Add makes an account with one API key.
func (s *Server) Add(spec NewAccount) *Account {
	s.mu.Lock()
	a := &account{id: spec.ID, email: spec.Email, firstName: "Bot", lastName: "Tester", partner: spec.Partner}
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

// addKey makes a key, with the secret or a new one; one of the successor's form says whose it is. The caller holds the
// lock.
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

// ID is the account's uuid.
func (a *Account) ID() string { return a.a.id }

// Email is the account's address.
func (a *Account) Email() string { return a.a.email }

// Key is the first API key that is not revoked; empty when there is none.
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

// NewKey makes another API key.
func (a *Account) NewKey(name string) string {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	return a.s.addKey(a.a, "", name).secret
}

// NewSuccessorKey makes a key of the successor's form with these capabilities, such as AccountRead. Only a successor
// takes it.
func (a *Account) NewSuccessorKey(name string, capabilities ...string) string {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	key := a.s.addKey(a.a, a.s.ids.successorKey(), name)
	key.capabilities = capabilities
	return key.secret
}

// SuccessorKey is the first API key of the successor's form that is not revoked; empty when there is none.
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

// RevokeKey deletes a key. The server goes on taking it for up to 15 seconds after it last looked it up.
func (a *Account) RevokeKey(secret string) { a.changeKey(secret, func(k *apiKey) { k.deleted = true }) }

// ExpireKey sets the moment from which the key is not taken any more.
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

// Ban locks the account out or lets it in again.
func (a *Account) Ban(banned bool) {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	a.a.banned = banned
}

// AddCredit puts money on the account (cents), or takes it when negative.
func (a *Account) AddCredit(cents int64, note string) {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	a.s.purchases = append(a.s.purchases, &purchase{
		id: next(&a.s.ids.purchase), accountID: a.a.id, time: a.s.now(), cost: float32(float64(-cents) / 100),
		service: "credit", description: object{{"type", "credit"}}, notes: note,
	})
}

// SetMinBalance sets how low the balance may sink (cents, 0 or less), as an admin does. The live server may go on using
// the old value for 30 seconds, this one does not.
func (a *Account) SetMinBalance(cents int64) {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	a.a.minBalance, a.a.minBalanceSet = float64(cents)/100, true
}

// Balance is the credit in cents, rounded; negative when the account is overdrawn.
func (a *Account) Balance() int64 {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	return int64(math.Round(a.s.balance(a.a.id) * 100))
}

// Project is one that licenses can be put on.
type Project struct {
	ID, Title string
	Licenses  []string // ids
	// Collaborator is set if another account owns the project.
	Collaborator bool
	Deleted      bool
	Edited       time.Time // last
}

// AddProject makes a project of the account: a cart item with its id puts the license on it when it is bought.
func (a *Account) AddProject(id, title string) {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	a.a.projects = append(a.a.projects, Project{ID: id, Title: title, Edited: a.s.now()})
}

// ChangeProject changes a project of the account, as the project's people can.
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

// Projects are those of the account with the licenses on them.
func (a *Account) Projects() []Project {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	list := make([]Project, len(a.a.projects))
	for i, p := range a.a.projects {
		list[i] = p
		list[i].Licenses = append([]string(nil), p.Licenses...)
	}
	return list
}
