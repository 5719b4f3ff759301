package orders

import (
	"context"
	"time"

	"licensebot/cocalc"
	"licensebot/purchase"
)

// projectTakes is how long a person waits for CoCalc's answer about a project. Slack allows three seconds in all.
const projectTakes = 1500 * time.Millisecond

// onProject asks CoCalc about a specification's project before a card is made; nil if it names none. CoCalc accepts any
// id: it sells the license, and applies it nowhere, or to other people's project, from which it can't be taken off
// again.
func (svc *Service) onProject(ctx context.Context, spec purchase.Spec) (*purchase.OnProject, *purchase.Refusal) {
	if spec.ProjectID == "" {
		return nil, nil
	}
	patience := projectTakes
	if end, ok := ctx.Deadline(); ok {
		patience = min(patience, time.Until(end)/2)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	p, err := svc.shop.Project(ctx, spec.ProjectID)
	if no := purchase.ProjectUnusable(spec, p, err); no != nil {
		return nil, no
	}
	if err != nil {
		svc.log.Warn().Err(err).Str("project", spec.ProjectID).Msg("fail to ask CoCalc about a project")
		if purchase.KindOf(err) == cocalc.NotSignedIn { // trying again does not help
			return nil, &purchase.Refusal{Cause: purchase.Cause{
				Code:   purchase.ProjectUnread,
				Causes: []purchase.Cause{svc.Trouble(err).Cause},
			}}
		}
		return nil, purchase.NewRefusal(purchase.ProjectUnread)
	}
	title := []rune(p.Title)
	return &purchase.OnProject{
		Title:        string(title[:min(len(title), purchase.MaxTitle)]),
		Collaborator: p.Role != cocalc.RoleOwner,
	}, nil
}
