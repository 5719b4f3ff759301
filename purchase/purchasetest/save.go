package purchasetest

import (
	"os"
	"time"

	"licensebot/cocalc/cocalctest"
)

// Saved is what outlasts a bot that stops: its ledger, and the accounts of CoCalc. Several tests can continue from it.
type Saved struct {
	at      time.Time
	ledger  []byte
	server  []byte
	account string
}

// Save stops the bot and saves its ledger and the accounts of CoCalc. Then it starts the bot again.
func (env *Env) Save() Saved {
	env.T.Helper()
	env.Close()
	ledger, err := os.ReadFile(env.Path)
	if err != nil {
		env.T.Fatal(err)
	}
	saved := Saved{time.Now(), ledger, env.Server.Snapshot(), env.Account.ID()}
	env.Open()
	return saved
}

// Continue makes Run start the bot at the time of the Save, with what was saved. CoCalc has no faults, and counts
// requests from zero.
func (s Saved) Continue(env *Env) {
	env.T.Helper()
	if err := os.WriteFile(env.Path, s.ledger, 0o600); err != nil {
		env.T.Fatal(err)
	}
	env.Server = cocalctest.New(cocalctest.Config{Seed: 1})
	if err := env.Server.Restore(s.server); err != nil {
		env.T.Fatal(err)
	}
	account, ok := env.Server.Account(s.account)
	if !ok {
		env.T.Fatalf("account %s: got none in the saved server, want one", s.account)
	}
	env.Account = account
	<-time.After(time.Until(s.at)) // on the fake clock
}
