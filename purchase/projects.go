package purchase

import "licensebot/cocalc"

// OnProject is what CoCalc said about the license's project when the order was made.
type OnProject struct {
	Title string `json:"title,omitempty"` // written by the project's people
	// Collaborator is set if the account only works on the project and does not own it.
	Collaborator bool `json:"collaborator,omitempty"`
}

// ProjectUnusable refuses a project that the account is not in, and a deleted one.
func ProjectUnusable(spec Spec, p cocalc.Project, err error) *Refusal {
	switch {
	case KindOf(err) == cocalc.NotFound:
		return NewRefusal(NoSuchProject, "project", spec.ProjectID)
	case err == nil && p.Deleted:
		return NewRefusal(NoSuchProject, "project", spec.ProjectID, "deleted", ArgFlag(true))
	}
	return nil
}
