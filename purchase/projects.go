package purchase

import (
	"context"
	"time"

	"licensebot/cocalc"
)

// projectTakes is how long a person waits for CoCalc's answer about a project. Slack allows three seconds in all.
const projectTakes = 1500 * time.Millisecond

// OnProject is what CoCalc said about the license's project when the order was made.
type OnProject struct {
	Title string `json:"title,omitempty"` // written by the project's people
	// Collaborator is set if the account only works on the project and does not own it.
	Collaborator bool `json:"collaborator,omitempty"`
}

// onProject asks CoCalc about a specification's project before a card is made; nil if it names none. CoCalc accepts any
// id: it sells the license, and applies it nowhere, or to other people's project, from which it can't be taken off
// again.
func (d *Desk) onProject(ctx context.Context, spec Spec) (*OnProject, *Refusal) {
	if spec.ProjectID == "" {
		return nil, nil
	}
	patience := projectTakes
	if end, ok := ctx.Deadline(); ok {
		patience = min(patience, time.Until(end)/2)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	p, err := d.shop.Project(ctx, spec.ProjectID)
	if no := unusable(spec, p, err); no != nil {
		return nil, no
	}
	if err != nil {
		d.log.Warn().Err(err).Str("project", spec.ProjectID).Msg("fail to ask CoCalc about a project")
		if kindOf(err) == cocalc.NotSignedIn { // trying again does not help
			return nil, &Refusal{Cause: Cause{Code: ProjectUnread, Causes: []Cause{d.Trouble(err).Cause}}}
		}
		return nil, refuse(ProjectUnread)
	}
	title := []rune(p.Title)
	return &OnProject{Title: string(title[:min(len(title), MaxTitle)]), Collaborator: p.Role != cocalc.RoleOwner}, nil
}

// unusable refuses a project that the account is not in, and a deleted one.
func unusable(spec Spec, p cocalc.Project, err error) *Refusal {
	switch {
	case kindOf(err) == cocalc.NotFound:
		return refuse(NoSuchProject, "project", spec.ProjectID)
	case err == nil && p.Deleted:
		return refuse(NoSuchProject, "project", spec.ProjectID, "deleted", flag(true))
	}
	return nil
}

// projectGone checks the project again before anything is put into the cart, since an order can wait for days. stop is
// false if the license can be put on it, or if it names none.
func (b *buyer) projectGone(ctx context.Context, o Order) (stop bool, pause time.Duration, err error) {
	if o.Spec.ProjectID == "" {
		return false, 0, nil
	}
	p, err := b.shop.Project(ctx, o.Spec.ProjectID)
	if no := unusable(o.Spec, p, err); no != nil {
		return true, 0, b.fail(ctx, o, *failure(FailProject, no))
	}
	if err != nil {
		pause, err = b.troubled(ctx, o, err)
		return true, pause, err
	}
	return false, 0, nil
}
