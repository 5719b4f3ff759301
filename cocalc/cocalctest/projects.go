package cocalctest

import "slices"

// setProject puts licenses on a project. It merges them into those that the project has: none can be taken off. Every
// collaborator of the project may use any ID, also one of no license. A value that is not an object leaves an entry
// that neither gives the license nor is repaired by an object. This was measured, but not recorded.
func (s *Server) setProject(c *call, fields object) error {
	if c.account == nil {
		return refusal("FATAL: no anonymous set queries")
	}
	for _, f := range fields {
		if f.name != "project_id" && f.name != "site_license" {
			return refusal("FATAL: changing projects." + f.name + " not allowed")
		}
	}
	id, _ := fields.get("project_id").(string)
	if !slices.ContainsFunc(c.account.projects, func(p Project) bool { return p.ID == id }) {
		return errNotAdmin
	}
	licenses, _ := fields.get("site_license").(object)
	for _, a := range s.accounts {
		for i := range a.projects {
			if a.projects[i].ID == id {
				a.projects[i].merge(licenses)
			}
		}
	}
	return nil
}

// merge adds entries to the project's licenses.
func (p *Project) merge(licenses object) {
	for _, l := range licenses {
		_, isObject := l.value.(object)
		at := slices.Index(p.Licenses, l.name)
		switch {
		case slices.Contains(p.Broken, l.name):
		case !isObject:
			p.Broken = append(p.Broken, l.name)
			if at >= 0 {
				p.Licenses = slices.Delete(slices.Clone(p.Licenses), at, at+1)
			}
		case at < 0:
			p.Licenses = append(p.Licenses, l.name)
		}
	}
}

// siteLicense returns the column of a project's licenses; null if it never had one.
func (p Project) siteLicense() any {
	if len(p.Licenses)+len(p.Broken) == 0 {
		return nil
	}
	column := object{}
	for _, id := range p.Licenses {
		column = append(column, member{id, object{}})
	}
	for _, id := range p.Broken {
		column = append(column, member{id, false})
	}
	return jsonb(column)
}
