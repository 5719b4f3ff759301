package purchase_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
)

const (
	ownProject = "11111111-2222-4333-8444-555555555555"
	noProject  = "99999999-2222-4333-8444-555555555555"
)

// onProject asks for a license that is put on a project.
func (s *shop) onProject(id string) (purchase.Order, error) {
	sp := spec()
	sp.ProjectID = id
	p, err := s.desk.Propose(context.Background(), purchase.Request{
		Requester: alice, Channel: math, Spec: sp,
		Reason: "course",
	})
	return p.Order, err
}

func refusalCode(err error) purchase.RefusalCode {
	var no *purchase.Refusal
	if errors.As(err, &no) {
		return no.Code
	}
	return ""
}

// CoCalc sells a license for any project id; a card is only made for a project that the account is in.
func TestTheProjectOfALicense(t *testing.T) {
	inShop(t, 90000, func(s *shop) {
		s.account.AddProject(ownProject, "Number theory")
		s.server.Add(cocalctest.NewAccount{}).AddProject("99999999-0000-4333-8444-555555555555", "theirs")
		for _, id := range []string{noProject, "99999999-0000-4333-8444-555555555555"} {
			if _, err := s.onProject(id); refusalCode(err) != purchase.NoSuchProject || !strings.Contains(err.Error(), id) {
				t.Errorf("project %s: %v", id, err)
			}
		}
		o, err := s.onProject(ownProject)
		if err != nil || o.Project == nil || *o.Project != (purchase.OnProject{Title: "Number theory"}) {
			t.Fatalf("its own: %+v, %v", o.Project, err)
		}
		if _, err := s.desk.Propose(context.Background(), purchase.Request{
			Replaces: o.ID, Requester: alice, Channel: math,
			Spec: withProject(noProject),
		}); refusalCode(err) !=
			purchase.NoSuchProject {
			t.Errorf("edited: %v", err)
		}
		if err := s.confirm(o.ID); err != nil {
			t.Fatal(err)
		}
		s.until(o.ID, purchase.Purchased)
		if on := s.account.Projects()[0].Licenses; len(on) != 1 {
			t.Errorf("the project has the licenses %v", on)
		}
		s.account.ChangeProject(ownProject, func(p *cocalctest.Project) {
			p.Collaborator, p.Title = true, strings.Repeat("ä", 100_000)
		})
		if o, err := s.onProject(ownProject); err != nil || !o.Project.Collaborator ||
			o.Project.Title != strings.Repeat("ä", purchase.MaxTitle) {
			t.Errorf("where it only works: %+v, %v", o.Project, err)
		}
		s.account.ChangeProject(ownProject, func(p *cocalctest.Project) { p.Deleted = true })
		if _, err := s.onProject(ownProject); refusalCode(err) != purchase.NoSuchProject ||
			!strings.Contains(err.Error(), `deleted="true"`) {
			t.Errorf("a deleted one: %v", err)
		}
		s.check(1, 6375, 0)
	})
}

func withProject(id string) purchase.Spec {
	sp := spec()
	sp.ProjectID = id
	return sp
}

// A project that CoCalc does not tell of in time is not known, and the person does not wait longer than Slack does.
func TestAProjectThatCoCalcDoesNotTellOf(t *testing.T) {
	inShop(t, 20000, func(s *shop) {
		s.account.AddProject(ownProject, "Number theory")
		<-time.After(time.Second) // after the comparison at start
		for _, f := range []cocalctest.Fault{
			{Endpoint: "user-query", Effect: cocalctest.Delay, Wait: time.Hour},
			{Endpoint: "user-query", Effect: cocalctest.Fail, Times: 100},
			{Endpoint: "user-query", Effect: cocalctest.KeyRevoked},
		} {
			s.server.Inject(f)
			began := time.Now()
			if _, err := s.onProject(ownProject); refusalCode(err) != purchase.ProjectUnread ||
				time.Since(began) > 2*time.Second {
				t.Errorf("%v: %v after %s", f.Effect, err, time.Since(began))
			} else if lost := strings.Contains(err.Error(), `why="key-refused"`); lost != (f.Effect == cocalctest.KeyRevoked) {
				t.Errorf("%v: people read %v", f.Effect, err)
			}
			s.server.ClearFaults()
		}
	})
}

// An order can wait for days: the project is looked at again before anything is put into the cart.
func TestAProjectThatIsGoneWhenBuyingBegins(t *testing.T) {
	for name, gone := range map[string]func(*shop){
		"left":    func(s *shop) { s.account.LeaveProject(ownProject) },
		"deleted": func(s *shop) { s.account.ChangeProject(ownProject, func(p *cocalctest.Project) { p.Deleted = true }) },
	} {
		t.Run(name, func(t *testing.T) {
			inShop(t, 20000, func(s *shop) {
				s.account.AddProject(ownProject, "Number theory")
				o, err := s.onProject(ownProject)
				if err != nil {
					t.Fatal(err)
				}
				gone(s)
				if err := s.confirm(o.ID); err != nil {
					t.Fatal(err)
				}
				o = s.until(o.ID, purchase.Purchased, purchase.Failed)
				if o.State != purchase.Failed || o.Failure.Code != purchase.FailProject ||
					s.server.Count("shopping/cart/add") != 0 {
					t.Errorf("it is %s: %+v", o.State, o.Failure)
				}
				s.check(0, 0, 0)
			})
		})
	}
}

// While CoCalc does not tell of it the order waits, as for everything else.
func TestAnOrderWaitsForCoCalcsWordOnItsProject(t *testing.T) {
	inShop(t, 20000, func(s *shop) {
		s.account.AddProject(ownProject, "Number theory")
		o, err := s.onProject(ownProject)
		if err != nil {
			t.Fatal(err)
		}
		s.server.Inject(cocalctest.Fault{Endpoint: "user-query", Effect: cocalctest.Fail, Times: 1000})
		if err := s.confirm(o.ID); err != nil {
			t.Fatal(err)
		}
		<-time.After(30 * time.Second)
		if got := s.order(o.ID); got.State != purchase.Approved || got.Blocked == nil {
			t.Errorf("it is %s, %+v", got.State, got.Blocked)
		}
		s.server.ClearFaults()
		s.until(o.ID, purchase.Purchased)
		s.check(1, 6375, 0)
	})
}
