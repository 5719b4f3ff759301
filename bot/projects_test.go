package bot_test

import (
	"strings"
	"testing"

	"licensebot/cocalc/cocalctest"
	"licensebot/slacksim"
)

const ownProject = "11111111-2222-4333-8444-555555555555"

// Who names a project that the team is not in reads so at once, in a command and in the form; where the account only
// works on it the card says so.
func TestProjectBlocks(t *testing.T) {
	env := newEnv(t, nil)
	alice := env.slack.Person(slacksim.Alice)
	env.account.AddProject(ownProject, "Number *theory*")
	const stranger = "99999999-2222-4333-8444-555555555555"
	env.says(slacksim.Alice, "buy ram=16 cpu=2 project="+stranger)
	env.sees(slacksim.Alice, "isn't in a project with the id `"+stranger+"`")

	env.says(slacksim.Alice, "buy ram=16 cpu=2 project="+ownProject)
	card := env.sees(slacksim.Alice, "Number *theory*")
	if text := card.ContentText(); !strings.Contains(text, ownProject) || strings.Contains(text, "collaborator") {
		t.Errorf("card: got %s\nwant %q, and no %q", text, ownProject, "collaborator")
	}
	env.clicks(slacksim.Alice, card, "Edit")
	modal, err := alice.WaitForModal(env.ctx, nil)
	env.must(err)
	env.must(alice.Fill(env.ctx, modal, "Project", stranger))
	problems, err := alice.Submit(env.ctx)
	env.must(err)
	if len(problems) != 1 || !strings.Contains(problems["project"], "isn't in a project") {
		t.Errorf("got %v, want that the account isn't in the project", problems)
	}
	env.account.ChangeProject(ownProject, func(p *cocalctest.Project) { p.Collaborator = true })
	modal, err = alice.WaitForModal(env.ctx, nil)
	env.must(err)
	env.must(alice.Fill(env.ctx, modal, "Project", ownProject))
	problems, err = alice.Submit(env.ctx)
	env.must(err)
	if len(problems) != 0 {
		t.Fatalf("problems: got %v, want none", problems)
	}
	card = env.becomes(card, "only a collaborator")
	env.clicks(slacksim.Alice, card, "Buy for $63.75")
	env.becomes(card, "Bought for $63.75")
	if on := env.account.Projects()[0].Licenses; len(on) != 1 {
		t.Errorf("licenses of the project: got %v, want 1", on)
	}
}
